// The floor of the benchmark: the least that a program can do for a job at the broker.
//
// It consumes messages, publishes an event for each with publisher confirms, and acknowledges them in batches once their events are
// confirmed. It calls nothing over HTTP and stores nothing.
//
//     floor QUEUE EXCHANGE [--copy ROUTING_KEY COUNT]
//
// AMQP_URL names the broker. PREFETCH is the number of deliveries without an acknowledgement: 300, as the worker has. With `--copy` it publishes
// each body as it is under one routing key, ends after COUNT messages, and prints messages a second and CPU microseconds for each. Otherwise
// it publishes a sync's event of the usual size until it is ended.
#define _GNU_SOURCE
#include <poll.h>
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 100, RING = 4096 };

static volatile sig_atomic_t is_ending = 0;

static void end(int signal) {
    (void)signal;
    is_ending = 1;
}

static void fail(const char *what) {
    fprintf(stderr, "floor: %s\n", what);
    exit(1);
}

static void check(amqp_rpc_reply_t reply, const char *what) {
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail(what);
}

static amqp_connection_state_t connect_to_broker(struct amqp_connection_info *info) {
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    if (!socket || amqp_socket_open(socket, info->host, info->port)) fail("no connection");
    check(amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, info->user, info->password), "login");
    amqp_channel_open(connection, 1);
    check(amqp_get_rpc_reply(connection), "channel");
    return connection;
}

// Copies the value of a member that is a string of plain characters.
static void member(amqp_bytes_t body, const char *name, char *value, size_t size) {
    const char *end = (const char *)body.bytes + body.len;
    const char *from = memmem(body.bytes, body.len, name, strlen(name));
    if (!from) fail("a message that is no job");
    from += strlen(name);
    while (from < end && *from != '"') from++;
    size_t length = 0;
    for (from++; from < end && *from != '"' && length + 1 < size; from++) value[length++] = *from;
    value[length] = 0;
}

static unsigned long number = 0;

// Writes an event of the size that a sync of four services has.
static size_t event(char *text, size_t size, const char *id, const char *job, const char *tenant) {
    struct timespec now;
    struct tm parts;
    char moment[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%S", &parts);
    int length = snprintf(
        text, size,
        "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/floor\",\"type\":\"autotask.sync.succeeded\",\"subject\":\"%s\","
        "\"time\":\"%s.%03ldZ\",\"datacontenttype\":\"application/json\",\"terminal\":true,\"jobid\":\"%s\",\"product\":\"workplace\","
        "\"epoch\":1,\"sequence\":\"%lu\",\"data\":{\"jobId\":\"%s\",\"message\":\"4 services are synced\",\"planId\":\"datto-workplace\","
        "\"counts\":{\"total\":4,\"unchanged\":4,\"synced\":4,\"error\":0,\"notSynced\":0},\"apiCalls\":1,\"services\":[",
        id, tenant, moment, now.tv_nsec / 1000000, job, number, job
    );
    for (int index = 1; index <= 4; index++) {
        length += snprintf(
            text + length, size - (size_t)length,
            "%s{\"key\":\"service-%d\",\"name\":\"Service %d of %s\",\"status\":\"Synced\",\"outcome\":\"unchanged\",\"autotaskServiceId\":%d,"
            "\"active\":true,\"changes\":[],\"overwritten\":[],\"warnings\":[]}",
            index > 1 ? "," : "", index, index, tenant, index
        );
    }
    return (size_t)(length + snprintf(text + length, size - (size_t)length, "],\"webUrl\":\"http://127.0.0.1/zone/AE02/\"}}"));
}

static void publish(amqp_connection_state_t publishing, const char *exchange, const char *copy_key, const char *user, amqp_bytes_t body) {
    char text[4096], id[64], job[64], tenant[128], key[160];
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG
            | AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG,
        .content_type = amqp_cstring_bytes("application/cloudevents+json"),
        .delivery_mode = 2,
        .type = amqp_cstring_bytes("autotask.sync.succeeded"),
        .user_id = amqp_cstring_bytes(user),
        .timestamp = (uint64_t)time(NULL),
    };
    number++;
    snprintf(id, sizeof id, "%08x-0000-4000-8000-%012lx", (unsigned)getpid(), number);
    properties.message_id = amqp_cstring_bytes(id);
    if (!copy_key) {
        member(body, "\"id\":", job, sizeof job);
        member(body, "\"subject\":", tenant, sizeof tenant);
        snprintf(key, sizeof key, "sync.succeeded.%s", tenant);
        body = (amqp_bytes_t){.len = event(text, sizeof text, id, job, tenant), .bytes = text};
        properties._flags |= AMQP_BASIC_CORRELATION_ID_FLAG;
        properties.correlation_id = amqp_cstring_bytes(job);
        copy_key = key;
    }
    if (amqp_basic_publish(publishing, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes(copy_key), 1, 0, &properties, body))
        fail("publishing");
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// Event n has the publisher's delivery tag n, and answers the delivery with the tag n: the channel consumes one queue from its first tag on.
static bool is_confirmed[RING];
static uint64_t confirmed = 0, acknowledged = 0, highest = 0;

// Takes the confirms that have arrived.
static void take_confirms(amqp_connection_state_t publishing) {
    for (;;) {
        amqp_frame_t frame;
        struct timeval at_once = {0, 0};
        amqp_maybe_release_buffers(publishing);
        int status = amqp_simple_wait_frame_noblock(publishing, &frame, &at_once);
        if (status == AMQP_STATUS_TIMEOUT) return;
        if (status != AMQP_STATUS_OK) fail("the publishing connection ended");
        if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) fail("an event was refused");
        amqp_basic_ack_t *ack = frame.payload.method.decoded;
        if (!ack->multiple) is_confirmed[ack->delivery_tag % RING] = true;
        for (uint64_t tag = confirmed + 1; ack->multiple && tag <= ack->delivery_tag; tag++) is_confirmed[tag % RING] = true;
        for (; is_confirmed[(confirmed + 1) % RING]; confirmed++) is_confirmed[(confirmed + 1) % RING] = false;
    }
}

int main(int count, char **arguments) {
    const char *url = getenv("AMQP_URL");
    if (count < 3 || !url) fail("usage: AMQP_URL=… floor QUEUE EXCHANGE [--copy ROUTING_KEY COUNT]");
    const char *copy_key = count == 6 ? arguments[4] : NULL;
    uint64_t wanted = count == 6 ? strtoull(arguments[5], NULL, 10) : UINT64_MAX;
    uint64_t prefetch = getenv("PREFETCH") ? strtoull(getenv("PREFETCH"), NULL, 10) : 300;
    if (prefetch < BATCH || prefetch >= RING) fail("PREFETCH");
    struct amqp_connection_info info;
    char *parsed = strdup(url);
    // A path of `/` is the default virtual host, as for the worker.
    if (amqp_parse_url(parsed, &info)) fail("AMQP_URL");
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);

    amqp_connection_state_t publishing = connect_to_broker(&info), consuming = connect_to_broker(&info);
    amqp_confirm_select(publishing, 1);
    check(amqp_get_rpc_reply(publishing), "confirms");
    amqp_basic_qos(consuming, 1, 0, (uint16_t)prefetch, 0);
    check(amqp_get_rpc_reply(consuming), "prefetch");
    amqp_basic_consume(consuming, 1, amqp_cstring_bytes(arguments[1]), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    check(amqp_get_rpc_reply(consuming), "consuming");
    puts("Consuming");
    fflush(stdout);

    double begun = seconds(), processor = processor_seconds();
    while (!is_ending && acknowledged < wanted) {
        for (;;) {
            amqp_envelope_t delivery;
            struct timeval at_once = {0, 0};
            amqp_maybe_release_buffers(consuming);
            amqp_rpc_reply_t reply = amqp_consume_message(consuming, &delivery, &at_once, 0);
            if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION && reply.library_error == AMQP_STATUS_TIMEOUT) break;
            check(reply, "the consuming connection ended");
            publish(publishing, arguments[2], copy_key, info.user, delivery.message.body);
            highest = delivery.delivery_tag;
            amqp_destroy_envelope(&delivery);
            if (highest % BATCH == 0) take_confirms(publishing);
            if (highest - acknowledged >= prefetch) break;
        }
        take_confirms(publishing);
        if (confirmed >= acknowledged + BATCH || (confirmed == highest && confirmed > acknowledged)) {
            if (amqp_basic_ack(consuming, 1, confirmed, 1)) fail("acknowledging");
            acknowledged = confirmed;
            continue;
        }
        struct pollfd sockets[] = {
            {.fd = amqp_get_sockfd(consuming), .events = POLLIN},
            {.fd = amqp_get_sockfd(publishing), .events = POLLIN},
        };
        if (!amqp_data_in_buffer(consuming) && !amqp_data_in_buffer(publishing)) poll(sockets, 2, 100);
    }
    if (copy_key) {
        printf(
            "%.0f messages/s, %.0f µs of CPU each\n", (double)acknowledged / (seconds() - begun),
            (processor_seconds() - processor) / (double)acknowledged * 1e6
        );
    }
    return 0;
}
