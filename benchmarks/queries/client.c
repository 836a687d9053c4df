/* A load client for requests over HTTP/1.1: one thread, epoll, kept-alive connections with one request in flight on each.
 *
 *   client PORT CONNECTIONS SECONDS REQUESTS_FILE
 *
 * REQUESTS_FILE holds whole requests, each behind a line with its length in bytes; connections take them in turn. When the time is
 * over, what is in flight is waited for, and one line of JSON is printed. An answer counts once it is whole and came in time; one
 * whose status is not 200, or that holds "errors": with a list that is not empty, is a failure. A connection that the server
 * closes is opened again, and counted. */
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

#define LARGEST (16 << 20)
#define SLOTS 1000000 /* of 0.01 ms */
#define GRACE 15000000L

struct request {
    char *text;
    size_t length;
};

struct peer {
    int fd;
    size_t used, room; /* of the answer as far as it came */
    char *answer;
    long since; /* when its request was sent; 0 while nothing is in flight */
};

static struct request *requests;
static size_t request_count, next;
static int epoll;
static struct sockaddr_in server;
static uint32_t slots[SLOTS + 1];
static long received, failed, closed, bytes, worst, end;
static char trouble[300];

static void stop(const char *text, ...) {
    va_list given;
    va_start(given, text);
    fprintf(stderr, "client: ");
    vfprintf(stderr, text, given);
    fprintf(stderr, "\n");
    exit(3);
}

static long now_us(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec * 1000000L + at.tv_nsec / 1000;
}

/* Remember the first thing that went wrong, fit for a JSON string. */
static void remember(const char *text, size_t length) {
    size_t used = 0;
    if (trouble[0]) return;
    for (size_t i = 0; i < length && used < sizeof trouble - 1; i++) {
        unsigned char c = text[i];
        trouble[used++] = c == '"' || c == '\\' ? '\'' : c < 32 || c > 126 ? ' ' : c;
    }
    trouble[used] = 0;
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

static void join(struct peer *p) {
    int yes = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&server, sizeof server)) stop("connect: %s", strerror(errno));
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(p->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &event)) stop("epoll: %s", strerror(errno));
    p->used = 0;
    p->since = 0;
}

static void ask(struct peer *p) {
    struct request *request = &requests[next++ % request_count];
    p->used = 0;
    p->since = now_us(CLOCK_MONOTONIC);
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

/* Where a chunked body ends, as an offset into it; 0 where it is not whole. */
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

/* How long the answer is, once it is whole; 0 before. Its body begins at *body. */
static size_t whole(struct peer *p, size_t *body) {
    const char *found = memmem(p->answer, p->used, "\r\n\r\n", 4), *value;
    if (!found) return 0;
    size_t head = *body = found - p->answer + 4;
    if ((value = header(p->answer, head, "content-length"))) {
        size_t length = head + strtoul(value, NULL, 10);
        return p->used >= length ? length : 0;
    }
    value = header(p->answer, head, "transfer-encoding");
    if (!value || strncasecmp(value, "chunked", 7)) stop("an answer without a length: %.60s", p->answer);
    size_t length = chunks_end(p->answer + head, p->used - head);
    return length ? head + length : 0;
}

static int is_failure(const char *answer, size_t body, size_t length) {
    if (strncmp(answer, "HTTP/1.1 200", 12)) return 1;
    const char *at = memmem(answer + body, length - body, "\"errors\":", 9);
    if (!at) return 0;
    for (at += 9; *at == ' '; at++) {}
    return at[0] == '[' && at[1] != ']';
}

static void answered(struct peer *p, size_t body, size_t length) {
    long now = now_us(CLOCK_MONOTONIC), took = now - p->since;
    if (length != p->used) stop("more came than was asked for");
    slots[took / 10 < SLOTS ? took / 10 : SLOTS]++;
    if (took > worst) worst = took;
    if (is_failure(p->answer, body, length)) {
        failed++;
        remember(p->answer + body, length - body);
    } else if (now <= end) {
        received++;
        bytes += length - body;
    }
    p->since = 0;
}

static void hear(struct peer *p) {
    for (;;) {
        size_t body;
        if (p->room - p->used < 1 << 16) {
            p->room = p->room ? p->room * 2 : 1 << 18;
            if (p->room > LARGEST) stop("an answer is longer than %d bytes", LARGEST);
            p->answer = realloc(p->answer, p->room + 1);
        }
        ssize_t got = recv(p->fd, p->answer + p->used, p->room - p->used, 0);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (got <= 0) {
            if (p->since) {
                failed++;
                remember("the connection was closed", 25);
            }
            closed++;
            close(p->fd);
            join(p);
            if (now_us(CLOCK_MONOTONIC) < end) ask(p);
            return;
        }
        if (!p->since) stop("an answer that nobody asked for");
        p->used += got;
        p->answer[p->used] = 0;
        size_t length = whole(p, &body);
        if (!length) continue;
        answered(p, body, length);
        if (now_us(CLOCK_MONOTONIC) < end) ask(p);
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

int main(int count, char **given) {
    if (count != 5) stop("PORT CONNECTIONS SECONDS REQUESTS_FILE");
    int connections = atoi(given[2]), flying = 0;
    read_requests(given[4]);
    server.sin_family = AF_INET;
    server.sin_port = htons(atoi(given[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    epoll = epoll_create1(0);
    struct peer *peers = calloc(connections, sizeof *peers);
    for (int i = 0; i < connections; i++) join(&peers[i]);
    long began = now_us(CLOCK_MONOTONIC), all = 0, now;
    end = began + (long)(atof(given[3]) * 1e6);
    for (int i = 0; i < connections; i++) ask(&peers[i]);
    do {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll, events, 256, 50);
        for (int i = 0; i < ready; i++) hear(events[i].data.ptr);
        now = now_us(CLOCK_MONOTONIC);
        flying = 0;
        if (now >= end)
            for (int i = 0; i < connections; i++) flying += peers[i].since != 0;
    } while (now < end || (flying && now < end + GRACE));
    for (long slot = 0; slot <= SLOTS; slot++) all += slots[slot];
    printf(
        "{\"seconds\": %.6f, \"received\": %ld, \"failed\": %ld, \"unanswered\": %d, \"closed\": %ld, \"bytes\": %ld, \"p50\": %.2f, "
        "\"p99\": %.2f, \"worst\": %.2f, \"cpu\": %.6f, \"wall\": %.6f, \"trouble\": \"%s\"}\n",
        (end - began) / 1e6, received, failed, flying, closed, bytes, percentile(all, 0.5), percentile(all, 0.99), worst / 1000.0,
        now_us(CLOCK_PROCESS_CPUTIME_ID) / 1e6, (now - began) / 1e6, trouble);
    return 0;
}
