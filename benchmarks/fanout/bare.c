/* An upper bound for any server, and a test of the load client: no GraphQL, prepared messages, and all
 * waiting frames of a socket in one write.
 *
 *   bare PORT
 *
 * Each line "<count> <instant>" on standard input publishes so many events at once, which occurred at
 * that instant. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define ID 36
#define MAX_EVENTS 1000 /* in one write */
#define PEERS 20000
#define INPUT UINT32_MAX
#define LISTENER (UINT32_MAX - 1)

struct peer {
    int fd, upgraded, subscribed;
    char id[ID];
    char *rest; /* bytes that the kernel has not accepted yet */
    size_t length, sent;
};

static struct peer peers[PEERS];
static int epoll, listener, count;
static char *ready; /* the frames of this write, with room for an id at each of `places` */
static size_t ready_length, places[MAX_EVENTS];
static int waiting; /* the number of events in `ready` */
static long position = 1000;

static void stop(const char *text) {
    perror(text);
    exit(3);
}

static void disconnect(struct peer *p) {
    close(p->fd);
    free(p->rest);
    *p = (struct peer){.fd = -1};
}

static void watch(struct peer *p, uint32_t events, int how) {
    struct epoll_event event = {.events = events, .data.u32 = p - peers};
    if (epoll_ctl(epoll, how, p->fd, &event)) stop("epoll_ctl");
}

static void put(struct peer *p, const char *text, size_t length) {
    ssize_t sent = p->rest ? 0 : send(p->fd, text, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return disconnect(p);
    if (sent < 0) sent = 0;
    if ((size_t)sent == length) return;
    size_t waiting = p->length - p->sent;
    char *rest = malloc(waiting + length - sent);
    memcpy(rest, p->rest + p->sent, waiting);
    memcpy(rest + waiting, text + sent, length - sent);
    if (!p->rest) watch(p, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    free(p->rest);
    p->rest = rest;
    p->length = waiting + length - sent;
    p->sent = 0;
}

static void writable(struct peer *p) {
    ssize_t sent = send(p->fd, p->rest + p->sent, p->length - p->sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return disconnect(p);
    p->sent += sent;
    if (p->sent < p->length) return;
    free(p->rest);
    p->rest = NULL;
    p->length = p->sent = 0;
    watch(p, EPOLLIN, EPOLL_CTL_MOD);
}

static size_t framed(char *to, const char *text, size_t length) {
    size_t head = length < 126 ? 2 : 4;
    to[0] = (char)0x81;
    to[1] = length < 126 ? length : 126;
    if (head == 4) {
        to[2] = length >> 8;
        to[3] = length;
    }
    memcpy(to + head, text, length);
    return head + length;
}

static void say(struct peer *p, const char *text) {
    char frame[256];
    put(p, frame, framed(frame, text, strlen(text)));
}

static void cursor(char *to) {
    sprintf(to, "%016lx", position);
}

static void flush(void) {
    for (int each = 0; each < count && waiting; each++) {
        struct peer *p = &peers[each];
        if (!p->subscribed) continue;
        for (int i = 0; i < waiting; i++) memcpy(ready + places[i], p->id, ID);
        put(p, ready, ready_length);
    }
    ready_length = waiting = 0;
}

static void publish(int events, const char *instant) {
    char text[1024], place[48];
    for (; events > 0; events--) {
        position++;
        cursor(place);
        int ticket = position % 4 + 1, held = (position >> 2) % 2 == 0;
        int length = snprintf(text, sizeof text,
            "{\"type\":\"next\",\"payload\":{\"data\":{\"ticketStatusChanged\":{\"cursor\":\"%s\",\"from\":\"%s\",\"to\":\"%s\","
            "\"occurredAt\":\"%s\",\"ticket\":{\"id\":\"tkt_01a207c7-61c7-7748-8a66-cce54263283%d\",\"number\":%d,\"ref\":\"TKT-%d\","
            "\"subject\":\"VPN is down since this morning\",\"status\":\"%s\",\"priority\":\"HIGH\",\"team\":{\"slug\":\"support\","
            "\"name\":\"Support\"}},\"actor\":{\"displayName\":\"Alex Kim\"}}}},\"id\":\"%36s\"}",
            place, held ? "OPEN" : "ON_HOLD", held ? "ON_HOLD" : "OPEN", instant, ticket, 1000 + ticket, 1000 + ticket,
            held ? "ON_HOLD" : "OPEN", "");
        ready_length += framed(ready + ready_length, text, length);
        places[waiting++] = ready_length - 2 - ID;
        if (waiting == MAX_EVENTS) flush();
    }
}

static void message(struct peer *p, char *text) {
    char *id = strstr(text, "\"id\":\"");
    if (strstr(text, "\"connection_init\"")) say(p, "{\"type\":\"connection_ack\"}");
    else if (strstr(text, "\"subscribe\"") && id) {
        memcpy(p->id, id + 6, ID);
        p->subscribed = 1;
    } else if (strstr(text, "\"ping\"")) say(p, "{\"type\":\"pong\"}");
}

/* Expects each small request to arrive in one piece, as over loopback. */
static void readable(struct peer *p) {
    static char text[64 << 10];
    ssize_t length = recv(p->fd, text, sizeof text - 1, 0), used = 0;
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) return disconnect(p);
    text[length] = 0;
    if (!p->upgraded) {
        if (!strstr(text, "\r\n\r\n") || !strstr(text, KEY)) return disconnect(p);
        p->upgraded = 1;
        static const char yes[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
        return put(p, yes, sizeof yes - 1);
    }
    while (length - used >= 6) {
        unsigned char *f = (unsigned char *)text + used;
        size_t size = f[1] & 127, head = size == 126 ? 4 : 2;
        if (size == 126) size = f[2] << 8 | f[3];
        if (size == 127 || (size_t)(length - used) < head + 4 + size) stop("an incomplete frame");
        char *body = (char *)f + head + 4, end = body[size];
        for (size_t i = 0; i < size; i++) body[i] ^= f[head + i % 4];
        body[size] = 0;
        if ((f[0] & 15) == 1) message(p, body);
        if (p->fd < 0) return;
        body[size] = end;
        used += head + 4 + size;
    }
}

static void accept_peers(void) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        int place = 0, one = 1;
        while (place < count && peers[place].fd >= 0) place++;
        if (place == PEERS) {
            close(fd);
            continue;
        }
        if (place == count) count++;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        peers[place] = (struct peer){.fd = fd};
        watch(&peers[place], EPOLLIN, EPOLL_CTL_ADD);
    }
}

static int read_commands(void) {
    static char text[4096];
    static size_t kept;
    ssize_t more = read(0, text + kept, sizeof text - 1 - kept);
    if (more <= 0) return 0;
    text[kept += more] = 0;
    char *from = text, *end;
    for (; (end = strchr(from, '\n')); from = end + 1) {
        char instant[48];
        int events;
        *end = 0;
        if (sscanf(from, "%d %47s", &events, instant) == 2) publish(events, instant);
    }
    flush();
    memmove(text, from, kept = text + kept - from);
    return 1;
}

int main(int argument_count, char **arguments) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    at.sin_port = htons(argument_count > 1 ? atoi(arguments[1]) : 0);
    int one = 1;
    ready = malloc(MAX_EVENTS * 1024);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4096)) stop("listen");
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = LISTENER};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    event.data.u32 = INPUT;
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
    for (;;) {
        struct epoll_event events[1024];
        int found = epoll_wait(epoll, events, 1024, -1);
        for (int i = 0; i < found; i++) {
            uint32_t place = events[i].data.u32;
            if (place == LISTENER) accept_peers();
            else if (place == INPUT) {
                if (!read_commands()) return 0;
            } else {
                struct peer *p = &peers[place];
                if (p->fd >= 0 && events[i].events & EPOLLOUT && p->rest) writable(p);
                if (p->fd >= 0 && events[i].events & ~EPOLLOUT) readable(p);
            }
        }
    }
}
