#ifndef CRABBITMQ_SHIM_H
#define CRABBITMQ_SHIM_H

// Doors to librabbitmq for what Swift cannot call: variadic functions, and the macros of socket options that belong to them.
// Imported by AMQP/LibRabbitMQ alone.

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/// `amqp_login_with_properties` with user name and password.
static inline amqp_rpc_reply_t CRabbitMQ_login(
    amqp_connection_state_t connection, const char *vhost, int channel_max, int frame_max, int heartbeat,
    const amqp_table_t *properties, const char *user, const char *password) {
    return amqp_login_with_properties(
        connection, vhost, channel_max, frame_max, heartbeat, properties, AMQP_SASL_METHOD_PLAIN, user, password);
}

/// Sends the header of a message's content.
static inline int CRabbitMQ_send_content_header(
    amqp_connection_state_t connection, amqp_channel_t channel, amqp_basic_properties_t *properties, uint64_t body_size) {
    amqp_frame_t frame;
    frame.frame_type = AMQP_FRAME_HEADER;
    frame.channel = channel;
    frame.payload.properties.class_id = AMQP_BASIC_CLASS;
    frame.payload.properties.body_size = body_size;
    frame.payload.properties.decoded = properties;
    frame.payload.properties.raw.len = 0;
    frame.payload.properties.raw.bytes = NULL;
    return amqp_send_frame(connection, &frame);
}

/// Sends one frame of a message's body.
static inline int CRabbitMQ_send_body(
    amqp_connection_state_t connection, amqp_channel_t channel, const void *bytes, size_t count) {
    amqp_frame_t frame;
    frame.frame_type = AMQP_FRAME_BODY;
    frame.channel = channel;
    frame.payload.body_fragment.len = count;
    frame.payload.body_fragment.bytes = (void *)bytes;
    return amqp_send_frame(connection, &frame);
}

/// Holds back small writes (1), so that those of one turn leave together, or lets them go (0).
static inline void CRabbitMQ_cork(int socket, int on) {
    setsockopt(socket, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

/// After how many milliseconds without an acknowledgement of the peer's kernel the connection counts as dead.
static inline void CRabbitMQ_set_user_timeout(int socket, unsigned int milliseconds) {
    setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

#endif
