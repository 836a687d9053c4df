/* A load client for requests over HTTP/1.1: one thread, epoll, kept-alive connections with one request in flight on each.
 *
 *   client PORT CONNECTIONS SECONDS REQUESTS_FILE
 *
 * REQUESTS_FILE holds complete requests, each after a line with its length in bytes. The connections send them in
 * rotation. After SECONDS, the client waits for the outstanding responses and prints one line of JSON. A response
 * counts if it is complete and in time. It is a failure if its status is not 200, or if it contains "errors": with a
 * list that is not empty. The client reconnects and counts a connection that the server closes. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_RESPONSE_BYTES (16 << 20)
#define SLOTS 1000000 /* of 0.01 ms */
#define MAX_WAIT_MICROSECONDS 15000000L

struct request {
    char *text;
    size_t length;
};

struct peer {
    int fd;
    size_t used, capacity; /* of the response buffer */
    char *response;
    long sent_at; /* when its request was sent; 0 if none is in flight */
};

static struct request *requests;
static size_t request_count, next;
static int epoll;
static struct sockaddr_in server;
static uint32_t slots[SLOTS + 1];
static long received, failed, closed, bytes, worst, end;
static char first_error[300];

static void stop(const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    fprintf(stderr, "client: ");
    vfprintf(stderr, text, arguments);
    fprintf(stderr, "\n");
    exit(3);
}

static long now_us(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec * 1000000L + at.tv_nsec / 1000;
}

/* Keep the first error, with characters that a JSON string may contain. */
static void record_error(const char *text, size_t length) {
    size_t used = 0;
    if (first_error[0]) return;
    for (size_t i = 0; i < length && used < sizeof first_error - 1; i++) {
        unsigned char c = text[i];
        first_error[used++] = c == '"' || c == '\\' ? '\'' : c < 32 || c > 126 ? ' ' : c;
    }
    first_error[used] = 0;
}

static void read_requests(const char *path) {
    FILE *file = fopen(path, "rb");
    size_t length;
    if (!file) stop("%s: %s", path, strerror(errno));
    while (fscanf(file, "%zu", &length) == 1) {
        if (fgetc(file) != '\n') stop("a length without its line");
        requests = realloc(requests, (request_count + 1) * sizeof *requests);
        requests[request_count].text = malloc(length);
        requests[request_count].length = length;
        if (fread(requests[request_count].text, 1, length, file) != length) stop("a request is cut off");
        request_count++;
    }
    fclose(file);
    if (!request_count) stop("no request");
}

static void connect_peer(struct peer *p) {
    int yes = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&server, sizeof server)) stop("connect: %s", strerror(errno));
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(p->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &event)) stop("epoll: %s", strerror(errno));
    p->used = 0;
    p->sent_at = 0;
}

static void send_next_request(struct peer *p) {
    struct request *request = &requests[next++ % request_count];
    p->used = 0;
    p->sent_at = now_us(CLOCK_MONOTONIC);
    ssize_t sent = send(p->fd, request->text, request->length, MSG_NOSIGNAL);
    if (sent != (ssize_t)request->length && errno != EPIPE && errno != ECONNRESET) stop("a short write");
}

/* A header's value within the head, or NULL. */
static const char *header(const char *head, size_t length, const char *name) {
    size_t wanted = strlen(name);
    for (const char *at = head, *last = head + length; (at = memchr(at, '\n', last - at)); ) {
        at++;
        if ((size_t)(last - at) > wanted && !strncasecmp(at, name, wanted) && at[wanted] == ':') {
            for (at += wanted + 1; *at == ' '; at++) {}
            return at;
        }
    }
    return NULL;
}

/* The offset of the end of a chunked body; 0 if it is not complete. */
static size_t chunks_end(const char *body, size_t length) {
    size_t at = 0;
    for (;;) {
        const char *line = memmem(body + at, length - at, "\r\n", 2);
        if (!line) return 0;
        size_t size = strtoul(body + at, NULL, 16), begin = line - body + 2;
        if (begin + size + 2 > length) return 0;
        at = begin + size + 2;
        if (!size) return at;
    }
}

/* The length of the response if it is complete, otherwise 0. Its body begins at *body. */
static size_t complete_length(struct peer *p, size_t *body) {
    const char *head_end = memmem(p->response, p->used, "\r\n\r\n", 4), *value;
    if (!head_end) return 0;
    size_t head = *body = head_end - p->response + 4;
    if ((value = header(p->response, head, "content-length"))) {
        size_t length = head + strtoul(value, NULL, 10);
        return p->used >= length ? length : 0;
    }
    value = header(p->response, head, "transfer-encoding");
    if (!value || strncasecmp(value, "chunked", 7)) stop("a response without a length: %.60s", p->response);
    size_t length = chunks_end(p->response + head, p->used - head);
    return length ? head + length : 0;
}

static int is_failure(const char *response, size_t body, size_t length) {
    if (strncmp(response, "HTTP/1.1 200", 12)) return 1;
    const char *at = memmem(response + body, length - body, "\"errors\":", 9);
    if (!at) return 0;
    for (at += 9; *at == ' '; at++) {}
    return at[0] == '[' && at[1] != ']';
}

static void count_response(struct peer *p, size_t body, size_t length) {
    long now = now_us(CLOCK_MONOTONIC), took = now - p->sent_at;
    if (length != p->used) stop("more data than one response");
    slots[took / 10 < SLOTS ? took / 10 : SLOTS]++;
    if (took > worst) worst = took;
    if (is_failure(p->response, body, length)) {
        failed++;
        record_error(p->response + body, length - body);
    } else if (now <= end) {
        received++;
        bytes += length - body;
    }
    p->sent_at = 0;
}

static void receive(struct peer *p) {
    for (;;) {
        size_t body;
        if (p->capacity - p->used < 1 << 16) {
            p->capacity = p->capacity ? p->capacity * 2 : 1 << 18;
            if (p->capacity > MAX_RESPONSE_BYTES) stop("a response is longer than %d bytes", MAX_RESPONSE_BYTES);
            p->response = realloc(p->response, p->capacity + 1);
        }
        ssize_t got = recv(p->fd, p->response + p->used, p->capacity - p->used, 0);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (got <= 0) {
            if (p->sent_at) {
                failed++;
                record_error("the connection was closed", 25);
            }
            closed++;
            close(p->fd);
            connect_peer(p);
            if (now_us(CLOCK_MONOTONIC) < end) send_next_request(p);
            return;
        }
        if (!p->sent_at) stop("a response without a request");
        p->used += got;
        p->response[p->used] = 0;
        size_t length = complete_length(p, &body);
        if (!length) continue;
        count_response(p, body, length);
        if (now_us(CLOCK_MONOTONIC) < end) send_next_request(p);
        return;
    }
}

static double percentile(long all, double share) {
    long wanted = (long)(all * share) + 1, seen = 0;
    for (long slot = 0; slot <= SLOTS; slot++) {
        seen += slots[slot];
        if (seen >= wanted) return slot / 100.0;
    }
    return worst / 1000.0;
}

int main(int count, char **arguments) {
    if (count != 5) stop("PORT CONNECTIONS SECONDS REQUESTS_FILE");
    int connections = atoi(arguments[2]), in_flight = 0;
    read_requests(arguments[4]);
    server.sin_family = AF_INET;
    server.sin_port = htons(atoi(arguments[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    epoll = epoll_create1(0);
    struct peer *peers = calloc(connections, sizeof *peers);
    for (int i = 0; i < connections; i++) connect_peer(&peers[i]);
    long began = now_us(CLOCK_MONOTONIC), all = 0, now;
    end = began + (long)(atof(arguments[3]) * 1e6);
    for (int i = 0; i < connections; i++) send_next_request(&peers[i]);
    do {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll, events, 256, 50);
        for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
        now = now_us(CLOCK_MONOTONIC);
        in_flight = 0;
        if (now >= end)
            for (int i = 0; i < connections; i++) in_flight += peers[i].sent_at != 0;
    } while (now < end || (in_flight && now < end + MAX_WAIT_MICROSECONDS));
    for (long slot = 0; slot <= SLOTS; slot++) all += slots[slot];
    printf(
        "{\"seconds\": %.6f, \"received\": %ld, \"failed\": %ld, \"unanswered\": %d, \"closed\": %ld, \"bytes\": %ld, \"p50\": %.2f, "
        "\"p99\": %.2f, \"worst\": %.2f, \"cpu\": %.6f, \"wall\": %.6f, \"trouble\": \"%s\"}\n",
        (end - began) / 1e6, received, failed, in_flight, closed, bytes, percentile(all, 0.5), percentile(all, 0.99), worst / 1000.0,
        now_us(CLOCK_PROCESS_CPUTIME_ID) / 1e6, (now - began) / 1e6, first_error);
    return 0;
}
