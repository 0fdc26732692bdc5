// An Autotask that answers each query of services after a fixed time, with little processor time for a request.
//
//     autotask PORT MILLISECONDS ANSWERS
//
// A line of the file ANSWERS is a user name, a text, and a body, with tabs between them. A query gets the body of the first line of its user
// whose text its own body contains. Every other request gets 404. When it is ended, it prints the moment of the first query in milliseconds
// since 1970, the number of queries, and the most that waited at once.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <search.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_LIMIT = 16384, CONNECTION_LIMIT = 65536 };

struct answer {
    char *text, *body;
    struct answer *next;
};

struct connection {
    char *request;
    size_t length;
};

struct waiting {
    int socket;
    uint32_t generation;
    double due;
    const char *body;
};

static struct connection connections[CONNECTION_LIMIT];
static uint32_t generations[CONNECTION_LIMIT];
static struct waiting line[CONNECTION_LIMIT];
static size_t line_begin = 0, line_end = 0;
static double delay = 0, first_query = 0;
static unsigned long queries = 0;
static size_t most = 0;
static char date[64];
static time_t date_second = 0;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(clockid_t clock) {
    struct timespec moment;
    clock_gettime(clock, &moment);
    return (double)moment.tv_sec * 1e3 + (double)moment.tv_nsec / 1e6;
}

static void read_answers(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    size_t count = 0, size = 0;
    char *text = NULL;
    while (getline(&text, &size, file) > 0) count++;
    rewind(file);
    if (!hcreate(count * 2 + 16)) fail("hcreate");
    for (ssize_t length; (length = getline(&text, &size, file)) > 0;) {
        text[strcspn(text, "\n")] = 0;
        char *rest = strdup(text), *user = strsep(&rest, "\t");
        struct answer *answer = calloc(1, sizeof *answer);
        answer->text = strsep(&rest, "\t");
        answer->body = rest;
        if (!rest) fail("a line of the answers");
        ENTRY *known = hsearch((ENTRY){.key = user}, FIND);
        if (!known) {
            hsearch((ENTRY){.key = user, .data = answer}, ENTER);
            continue;
        }
        struct answer *last = known->data;
        while (last->next) last = last->next;
        last->next = answer;
    }
    free(text);
    fclose(file);
}

static void drop(int socket) {
    generations[socket]++;
    free(connections[socket].request);
    connections[socket] = (struct connection){0};
    close(socket);
}

static void send_answer(int socket, const char *status, const char *body) {
    char answer[65536];
    time_t second = time(NULL);
    if (second != date_second) {
        struct tm parts;
        date_second = second;
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&second, &parts));
    }
    int length = snprintf(
        answer, sizeof answer, "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status, date,
        strlen(body), body
    );
    if (write(socket, answer, (size_t)length) != length) drop(socket);
}

// Finds the answer to a query; `headers` is the end of the headers, where the body begins.
static const char *find(char *request, const char *headers) {
    char *header = strcasestr(request, "\r\nusername:");
    if (!header || header > headers) return NULL;
    header += strlen("\r\nusername:");
    header += strspn(header, " ");
    size_t length = strcspn(header, "\r");
    char end = header[length];
    header[length] = 0;
    ENTRY *found = hsearch((ENTRY){.key = header}, FIND);
    header[length] = end;
    for (struct answer *answer = found ? found->data : NULL; answer; answer = answer->next) {
        if (strstr(headers, answer->text)) return answer->body;
    }
    return NULL;
}

static void take(int socket) {
    struct connection *connection = &connections[socket];
    ssize_t count = read(socket, connection->request + connection->length, REQUEST_LIMIT - 1 - connection->length);
    if (count <= 0) {
        if (count < 0 && errno == EAGAIN) return;
        drop(socket);
        return;
    }
    connection->length += (size_t)count;
    connection->request[connection->length] = 0;
    char *headers = strstr(connection->request, "\r\n\r\n");
    if (!headers) return;
    const char *declared = strcasestr(connection->request, "\r\ncontent-length:");
    size_t length = declared && declared < headers ? strtoul(declared + strlen("\r\ncontent-length:"), NULL, 10) : 0;
    if (connection->request + connection->length < headers + 4 + length) return;
    const char *path_end = strstr(connection->request, "\r\n");
    const char *query = strcasestr(connection->request, "services/query");
    const char *body = query && query < path_end ? find(connection->request, headers) : NULL;
    // A client sends the next request once it has its answer.
    connection->length = 0;
    if (!body) {
        send_answer(socket, "404 Not Found", "{}");
        return;
    }
    if (queries++ == 0) first_query = now(CLOCK_REALTIME);
    if (delay <= 0) {
        send_answer(socket, "200 OK", body);
        return;
    }
    line[line_end++ % CONNECTION_LIMIT] = (struct waiting){socket, generations[socket], now(CLOCK_MONOTONIC) + delay, body};
    if (line_end - line_begin > most) most = line_end - line_begin;
}

static int listen_at(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) fail("listening");
    return listener;
}

static void watch(int poller, int file) {
    if (epoll_ctl(poller, EPOLL_CTL_ADD, file, &(struct epoll_event){.events = EPOLLIN, .data.fd = file})) fail("epoll_ctl");
}

int main(int count, char **arguments) {
    if (count != 4) {
        fputs("usage: autotask PORT MILLISECONDS ANSWERS\n", stderr);
        return 2;
    }
    delay = atof(arguments[2]);
    read_answers(arguments[3]);
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_at(atoi(arguments[1])), end = signalfd(-1, &ending, 0), poller = epoll_create1(0);
    watch(poller, listener);
    watch(poller, end);
    for (;;) {
        double moment = now(CLOCK_MONOTONIC);
        for (; line_begin < line_end && line[line_begin % CONNECTION_LIMIT].due <= moment; line_begin++) {
            struct waiting *due = &line[line_begin % CONNECTION_LIMIT];
            if (generations[due->socket] == due->generation) send_answer(due->socket, "200 OK", due->body);
        }
        int wait = line_begin < line_end ? (int)(line[line_begin % CONNECTION_LIMIT].due - moment) + 1 : -1;
        struct epoll_event events[256];
        int ready = epoll_wait(poller, events, 256, wait);
        for (int index = 0; index < ready; index++) {
            int file = events[index].data.fd;
            if (file == end) {
                printf("%.3f %lu %zu\n", first_query, queries, most);
                return 0;
            }
            if (file != listener) {
                take(file);
                continue;
            }
            for (int socket; (socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                if (socket >= CONNECTION_LIMIT) {
                    close(socket);
                    continue;
                }
                int yes = 1;
                setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                connections[socket].request = malloc(REQUEST_LIMIT);
                watch(poller, socket);
            }
        }
    }
}
