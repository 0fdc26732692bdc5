// Publishes jobs at given moments, and records when each ended, as a monitor sees it.
//
//     load JOBS EXPECTED SECONDS
//
// PORTAL_AMQP_URL and MONITOR_AMQP_URL name the broker. A line of the file JOBS is the microseconds after the start at which the job is
// published, its id, its type, its routing key and its body, with tabs between them. The program ends when EXPECTED jobs have their terminal
// event, or after SECONDS. It prints a line for each: the id, and the moments of its publication (0 if it was published by another program)
// and of its terminal event, in microseconds since 1970.
#define _GNU_SOURCE
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <pthread.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct job {
    uint64_t offset, published;
    char *id, *type, *key, *body;
};

static struct job *jobs = NULL;
static size_t job_count = 0;
static amqp_connection_state_t publishing;
static const char *portal;

static void fail(const char *what) {
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

static void check(amqp_rpc_reply_t reply, const char *what) {
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail(what);
}

static amqp_connection_state_t connect_as(const char *variable, const char **user) {
    const char *url = getenv(variable);
    struct amqp_connection_info info;
    if (!url || amqp_parse_url(strdup(url), &info)) fail(variable);
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    if (!socket || amqp_socket_open(socket, info.host, info.port)) fail("no connection");
    check(amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, info.user, info.password), "login");
    amqp_channel_open(connection, 1);
    check(amqp_get_rpc_reply(connection), "channel");
    *user = info.user;
    return connection;
}

static uint64_t microseconds(clockid_t clock) {
    struct timespec moment;
    clock_gettime(clock, &moment);
    return (uint64_t)moment.tv_sec * 1000000 + (uint64_t)moment.tv_nsec / 1000;
}

static void read_jobs(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    char *text = NULL;
    size_t size = 0;
    while (getline(&text, &size, file) > 0) {
        text[strcspn(text, "\n")] = 0;
        char *rest = strdup(text);
        jobs = realloc(jobs, (job_count + 1) * sizeof *jobs);
        struct job *job = &jobs[job_count++];
        *job = (struct job){.offset = strtoull(strsep(&rest, "\t"), NULL, 10)};
        job->id = strsep(&rest, "\t");
        job->type = strsep(&rest, "\t");
        job->key = strsep(&rest, "\t");
        job->body = rest;
        if (!rest) fail("a line of the jobs");
    }
    free(text);
    fclose(file);
    hcreate(job_count * 2 + 16);
    for (size_t index = 0; index < job_count; index++) hsearch((ENTRY){.key = jobs[index].id, .data = &jobs[index]}, ENTER);
}

static void *publish(void *unused) {
    uint64_t begun = microseconds(CLOCK_MONOTONIC);
    for (struct job *job = jobs; job < jobs + job_count; job++) {
        uint64_t due = begun + job->offset;
        struct timespec until = {.tv_sec = (time_t)(due / 1000000), .tv_nsec = (long)(due % 1000000 * 1000)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        amqp_basic_properties_t properties = {
            ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG
                | AMQP_BASIC_USER_ID_FLAG,
            .content_type = amqp_cstring_bytes("application/cloudevents+json"),
            .delivery_mode = 2,
            .message_id = amqp_cstring_bytes(job->id),
            .type = amqp_cstring_bytes(job->type),
            .user_id = amqp_cstring_bytes(portal),
        };
        job->published = microseconds(CLOCK_REALTIME);
        if (amqp_basic_publish(
                publishing, 1, amqp_cstring_bytes("autotask.jobs"), amqp_cstring_bytes(job->key), 0, 0, &properties, amqp_cstring_bytes(job->body)
            ))
            fail("publishing");
    }
    return unused;
}

int main(int count, char **arguments) {
    if (count != 4) fail("usage: load JOBS EXPECTED SECONDS");
    read_jobs(arguments[1]);
    unsigned long expected = strtoul(arguments[2], NULL, 10), ended = 0;
    uint64_t deadline = microseconds(CLOCK_MONOTONIC) + strtoull(arguments[3], NULL, 10) * 1000000;
    const char *user;
    publishing = connect_as("PORTAL_AMQP_URL", &portal);
    amqp_connection_state_t monitor = connect_as("MONITOR_AMQP_URL", &user);
    char queue[64];
    snprintf(queue, sizeof queue, "autotask.monitor.load-%llu", (unsigned long long)microseconds(CLOCK_REALTIME));
    amqp_queue_declare(monitor, 1, amqp_cstring_bytes(queue), 0, 0, 1, 1, amqp_empty_table);
    check(amqp_get_rpc_reply(monitor), "the monitor's queue");
    amqp_queue_bind(monitor, 1, amqp_cstring_bytes(queue), amqp_cstring_bytes("autotask.results"), amqp_cstring_bytes("#"), amqp_empty_table);
    check(amqp_get_rpc_reply(monitor), "the monitor's binding");
    amqp_basic_consume(monitor, 1, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, 1, 1, amqp_empty_table);
    check(amqp_get_rpc_reply(monitor), "consuming");
    puts("Watching");
    fflush(stdout);

    pthread_t publisher;
    pthread_create(&publisher, NULL, publish, NULL);
    while (ended < expected && microseconds(CLOCK_MONOTONIC) < deadline) {
        amqp_envelope_t event;
        struct timeval timeout = {0, 200000};
        amqp_maybe_release_buffers(monitor);
        amqp_rpc_reply_t reply = amqp_consume_message(monitor, &event, &timeout, 0);
        if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION && reply.library_error == AMQP_STATUS_TIMEOUT) continue;
        check(reply, "the monitor's connection ended");
        uint64_t moment = microseconds(CLOCK_REALTIME);
        if (memmem(event.message.body.bytes, event.message.body.len, "\"terminal\":true", strlen("\"terminal\":true"))) {
            char id[128];
            amqp_bytes_t name = event.message.properties.correlation_id;
            snprintf(id, sizeof id, "%.*s", (int)name.len, (char *)name.bytes);
            ENTRY *known = hsearch((ENTRY){.key = id}, FIND);
            uint64_t published = known ? ((struct job *)known->data)->published : 0;
            printf("%s %llu %llu\n", id, (unsigned long long)published, (unsigned long long)moment);
            ended++;
        }
        amqp_destroy_envelope(&event);
    }
    if (ended < expected) fail("jobs without an end");
    return 0;
}
