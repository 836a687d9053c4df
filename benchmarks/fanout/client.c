/* A load client for subscriptions over graphql-transport-ws: one thread, epoll, thousands of sockets over loopback.
 *
 *   client PORT PATH PAYLOAD_FILE TOKENS_FILE
 *
 * PAYLOAD_FILE holds the JSON payload of a subscribe message; "@socket" in it becomes the number of the
 * socket, from 1. TOKENS_FILE has one token per line; the sockets use them in turn. Each command is a line on standard input and is answered by a line of JSON:
 *
 *   open COUNT WINDOW SECONDS   open sockets until COUNT are subscribed, at most WINDOW of them at a time
 *   zero                        reset the measurements
 *   await POSITION SECONDS      wait until each socket has the event at this position
 *   stats                       report the measurements since zero
 *
 * Each socket checks that it gets every event, in order, under its own operation id. An event is parsed
 * when the first socket gets it. The messages of the other sockets only have to be the same bytes around
 * their own id; otherwise they are parsed as well. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define ID 36
#define MAX_FRAME_BYTES (4 << 20)
#define READ_BYTES (256 << 10)
#define KEPT_EVENTS 4096
#define SLOTS 600000 /* of the latency histogram, 0.1 ms each */
#define SOCKETS_PER_ADDRESS 5000

enum state { CLOSED, CONNECTING, UPGRADING, GREETING, SUBSCRIBING, LIVE };

struct peer {
    int fd;
    enum state state;
    long last; /* position of the newest event; 0 before the first */
    char id[ID + 1];
    char *rest; /* the beginning of an incomplete frame */
    size_t length;
};

struct seen { /* one event, as the first socket got it */
    long position, at;
    size_t length, place; /* the message's length, and the id's offset in it */
    char *text;
};

static struct peer *peers;
static struct seen kept[KEPT_EVENTS];
static int count, live, pending, epoll;
static long target, reached; /* the position to wait for, and how many sockets have it */
static char *payload, *payload_end, *tokens[64], *buffer;
static int token_count, port;
static const char *path;
static struct sockaddr_in server;

static struct {
    uint32_t slots[SLOTS + 1];
    long received, bytes, payload_bytes, reads, close_reads, gaps, doubles, foreign, malformed, closed, first, last, worst, recent, cpu, began;
    char trouble[400];
} got;

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

/* Record the first problem, as text that is valid inside a JSON string. */
static void trouble(const char *what, const char *text, size_t length) {
    if (got.trouble[0]) return;
    size_t used = snprintf(got.trouble, sizeof got.trouble, "%s: ", what);
    for (size_t i = 0; i < length && used < sizeof got.trouble - 1; i++) {
        unsigned char c = text[i];
        got.trouble[used++] = c == '"' || c == '\\' ? '\'' : c < 32 || c > 126 ? ' ' : c;
    }
    got.trouble[used] = 0;
}

/* ---- sending: frames are masked with zeros, which does not change the text */

static void put(struct peer *p, int opcode, const char *text, size_t length) {
    unsigned char head[14];
    size_t used = 2;
    char frame[32 << 10];
    if (length + sizeof head > sizeof frame) stop("a message of %zu bytes is too long to send", length);
    head[0] = 0x80 | opcode;
    if (length < 126) head[1] = 0x80 | length;
    else {
        head[1] = 0x80 | 126;
        head[2] = length >> 8;
        head[3] = length;
        used = 4;
    }
    memset(head + used, 0, 4);
    memcpy(frame, head, used + 4);
    memcpy(frame + used + 4, text, length);
    ssize_t sent = send(p->fd, frame, used + 4 + length, MSG_NOSIGNAL);
    if (sent != (ssize_t)(used + 4 + length) && errno != EPIPE && errno != ECONNRESET) stop("a short write");
}

static void say(struct peer *p, const char *format, ...) {
    static char text[16 << 10];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= (int)sizeof text) stop("a message is too long to send");
    put(p, 1, text, length);
}

/* ---- connecting */

static void disconnect(struct peer *p) {
    if (p->state == CLOSED) return;
    if (p->state == LIVE) {
        live--;
        if (target && p->last >= target) reached--;
    } else pending--;
    close(p->fd);
    free(p->rest);
    p->rest = NULL;
    p->length = 0;
    p->state = CLOSED;
    got.closed++;
}

static void start(int place) {
    struct peer *p = &peers[place];
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + place / SOCKETS_PER_ADDRESS)};
    int one = 1;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0) stop("socket: %s", strerror(errno));
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(p->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(p->fd, (struct sockaddr *)&from, sizeof from)) stop("bind: %s", strerror(errno));
    if (connect(p->fd, (struct sockaddr *)&server, sizeof server) && errno != EINPROGRESS) stop("connect: %s", strerror(errno));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.u32 = place};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &event)) stop("epoll_ctl: %s", strerror(errno));
    p->state = CONNECTING;
    p->last = 0;
    snprintf(p->id, sizeof p->id, "%08x-0000-4000-8000-%012d", (unsigned)(place * 2654435761u), place);
    pending++;
}

static void connected(struct peer *p, int place) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        trouble("connect", strerror(error), strlen(strerror(error)));
        return disconnect(p);
    }
    char text[1024];
    int length = snprintf(text, sizeof text,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " KEY
        "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n", path, port);
    if (send(p->fd, text, length, MSG_NOSIGNAL) != length) return disconnect(p);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = place};
    epoll_ctl(epoll, EPOLL_CTL_MOD, p->fd, &event);
    p->state = UPGRADING;
}

/* Read the response to the upgrade. Returns its length, 0 if it is incomplete, -1 if it is a refusal. */
static long upgraded(struct peer *p, char *text, size_t length) {
    char *end = memmem(text, length, "\r\n\r\n", 4);
    if (!end) return length > 8192 ? -1 : 0;
    size_t head = end + 4 - text;
    if (strncmp(text, "HTTP/1.1 101", 12) || !memmem(text, head, ACCEPT, strlen(ACCEPT))
        || !memmem(text, head, "graphql-transport-ws", 20)) {
        trouble("refused", text, length < 200 ? length : 200);
        return -1;
    }
    p->state = GREETING;
    say(p, "{\"type\":\"connection_init\",\"payload\":{\"authorization\":\"Bearer %s\"}}", tokens[(p - peers) % token_count]);
    return head;
}

/* ---- parsing messages */

struct span { const char *from; size_t length; };

static const char *blank(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) at++;
    return at;
}

/* The end of the JSON value that begins here, or NULL if there is none. */
static const char *value_end(const char *at, const char *end) {
    int depth = 0;
    for (; at < end; at++) {
        if (*at == '"') {
            for (at++; at < end && *at != '"'; at++) at += *at == '\\';
            if (at >= end) return NULL;
            if (!depth) return at + 1;
        } else if (*at == '{' || *at == '[') depth++;
        else if (*at == '}' || *at == ']') {
            if (!depth) return at;
            if (!--depth) return at + 1;
        } else if (!depth && *at == ',') return at;
    }
    return depth ? NULL : end;
}

/* Find the members of the object in `whole` that have these names. Returns -1 if it is not an object. */
static int members(struct span whole, const char **names, struct span *found, int wanted) {
    const char *end = whole.from + whole.length, *at = blank(whole.from, end);
    for (int i = 0; i < wanted; i++) found[i] = (struct span){NULL, 0};
    if (at >= end || *at++ != '{') return -1;
    while ((at = blank(at, end)) < end && *at == '"') {
        const char *name = at + 1, *close = value_end(at, end);
        if (!close) return -1;
        size_t size = close - 1 - name;
        at = blank(close, end);
        if (at >= end || *at++ != ':') return -1;
        at = blank(at, end);
        const char *stop_at = value_end(at, end);
        if (!stop_at) return -1;
        for (int i = 0; i < wanted; i++)
            if (strlen(names[i]) == size && !memcmp(names[i], name, size)) found[i] = (struct span){at, stop_at - at};
        at = blank(stop_at, end);
        if (at < end && *at == ',') at++;
    }
    return at < end && *at == '}' ? 0 : -1;
}

static int is(struct span text, const char *wanted) {
    size_t size = strlen(wanted);
    return text.from && text.length == size + 2 && !memcmp(text.from + 1, wanted, size);
}

/* The position in a cursor, which has 16 hexadecimal digits; -1 if it is not a cursor. */
static long position_in(struct span text) {
    long position = 0;
    if (!text.from || text.length != 18) return -1;
    for (size_t i = 1; i < 17; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, text.from[i], 16);
        if (!digit) return -1;
        position = position << 4 | (digit - digits);
    }
    return position;
}

/* The microseconds since 1970 of an RFC 3339 instant in UTC; -1 if it is not one. */
static long instant_in(struct span text) {
    struct tm at = {0};
    long fraction = 0, unit = 100000;
    char plain[40];
    if (!text.from || text.length < 22 || text.length > 38) return -1;
    memcpy(plain, text.from + 1, text.length - 2);
    plain[text.length - 2] = 0;
    char *rest = strptime(plain, "%Y-%m-%dT%H:%M:%S", &at);
    if (!rest) return -1;
    if (*rest == '.')
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10) fraction += (*rest - '0') * unit;
    if (strcmp(rest, "Z")) return -1;
    return timegm(&at) * 1000000L + fraction;
}

static void record_delivery(struct peer *p, long position, long at, size_t length, long now) {
    long latency = now - at;
    if (p->last) {
        if (position <= p->last) {
            got.doubles++;
            return;
        }
        got.gaps += position - p->last - 1;
    }
    if (target && p->last < target && position >= target) reached++;
    p->last = position;
    got.received++;
    got.payload_bytes += length;
    if (!got.first) got.first = now;
    got.last = now;
    if (latency < 0) latency = 0;
    if (latency > got.worst) got.worst = latency;
    if (latency > got.recent) got.recent = latency;
    got.slots[latency / 100 < SLOTS ? latency / 100 : SLOTS]++;
}

static void event(struct peer *p, struct span text, struct span id, struct span data, long now) {
    static const char *outer[] = {"data", "errors"}, *root[] = {"ticketStatusChanged"}, *inner[] = {"cursor", "occurredAt", "ticket", "actor"};
    struct span parts[2], field[1], values[4];
    if (!is(id, p->id)) {
        got.foreign++;
        return trouble("another's id", text.from, text.length);
    }
    long position = -1, at = -1;
    if (!members(data, outer, parts, 2) && !parts[1].from && parts[0].from && !members(parts[0], root, field, 1) && field[0].from
        && !members(field[0], inner, values, 4) && values[2].from && values[3].from) {
        position = position_in(values[0]);
        at = instant_in(values[1]);
    }
    if (position < 0 || at < 0) {
        got.malformed++;
        return trouble("not an event", text.from, text.length);
    }
    struct seen *s = &kept[position % KEPT_EVENTS];
    if (s->position != position) {
        s->text = realloc(s->text, text.length);
        memcpy(s->text, text.from, text.length);
        s->position = position;
        s->at = at;
        s->length = text.length;
        s->place = id.from + 1 - text.from;
    }
    got.close_reads++;
    record_delivery(p, position, at, text.length, now);
}

static void message(struct peer *p, const char *text, size_t length, long now) {
    static const char *names[] = {"type", "id", "payload"};
    struct span parts[3], whole = {text, length};
    long next = p->last + 1;
    struct seen *s = &kept[next % KEPT_EVENTS];
    if (s->position == next && s->length == length && !memcmp(text + s->place, p->id, ID) && !memcmp(text, s->text, s->place)
        && !memcmp(text + s->place + ID, s->text + s->place + ID, length - s->place - ID))
        return record_delivery(p, next, s->at, length, now);
    if (members(whole, names, parts, 3)) {
        got.malformed++;
        trouble("not a message", text, length);
    } else if (is(parts[0], "next")) event(p, whole, parts[1], parts[2], now);
    else if (is(parts[0], "ping")) say(p, "{\"type\":\"pong\"}");
    else if (is(parts[0], "connection_ack") && p->state == GREETING) {
        p->state = SUBSCRIBING;
        if (payload_end) say(p, "{\"id\":\"%s\",\"type\":\"subscribe\",\"payload\":%s%ld%s}", p->id, payload, (long)(p - peers) + 1, payload_end);
        else say(p, "{\"id\":\"%s\",\"type\":\"subscribe\",\"payload\":%s}", p->id, payload);
        say(p, "{\"type\":\"ping\"}"); /* its pong says that the server has read the subscribe */
    } else if (is(parts[0], "pong") && p->state == SUBSCRIBING) {
        p->state = LIVE;
        pending--;
        live++;
    } else {
        got.malformed++;
        trouble("unexpected", text, length);
    }
}

/* ---- reading frames */

/* Process the complete frames at the beginning. Returns their length in bytes. */
static size_t frames(struct peer *p, char *text, size_t length, long now) {
    size_t used = 0;
    while (p->state != CLOSED && length - used >= 2) {
        unsigned char *f = (unsigned char *)text + used;
        size_t head = 2, size = f[1] & 127;
        if (f[0] & 0x70) stop("a frame with reserved bits: the server compresses, although the client did not ask for it");
        if (!(f[0] & 0x80) || !(f[0] & 15)) stop("a fragmented message; this client only reads messages of one frame");
        if (f[1] & 0x80) stop("a masked frame from the server");
        if (size == 126) {
            if (length - used < 4) break;
            size = f[2] << 8 | f[3];
            head = 4;
        } else if (size == 127) {
            if (length - used < 10) break;
            size = 0;
            for (int i = 2; i < 10; i++) size = size << 8 | f[i];
            head = 10;
        }
        if (size > MAX_FRAME_BYTES) stop("a frame of %zu bytes", size);
        if (length - used < head + size) break;
        const char *body = text + used + head;
        switch (f[0] & 15) {
        case 1: message(p, body, size, now); break;
        case 8: {
            char said[160];
            int code = size >= 2 ? f[head] << 8 | f[head + 1] : 1005;
            snprintf(said, sizeof said, "%d %.*s", code, size > 2 ? (int)(size - 2) : 0, body + 2);
            trouble("closed with", said, strlen(said));
            disconnect(p);
            break;
        }
        case 9: put(p, 10, body, size); break;
        case 10: break;
        default: stop("a frame with opcode %d", f[0] & 15);
        }
        used += head + size;
    }
    return used;
}

static void readable(struct peer *p) {
    size_t kept_bytes = p->length, used = 0;
    memcpy(buffer, p->rest, kept_bytes);
    ssize_t more = recv(p->fd, buffer + kept_bytes, READ_BYTES, 0);
    if (more < 0 && errno == EAGAIN) return;
    if (more <= 0) {
        trouble("closed", more ? strerror(errno) : "without a close frame", more ? strlen(strerror(errno)) : 21);
        return disconnect(p);
    }
    long now = now_us(CLOCK_REALTIME);
    size_t length = kept_bytes + more;
    got.bytes += more;
    got.reads++;
    if (p->state == UPGRADING) {
        long head = upgraded(p, buffer, length);
        if (head < 0) return disconnect(p);
        used = head;
    }
    if (p->state > UPGRADING) used += frames(p, buffer + used, length - used, now);
    if (p->state == CLOSED) return;
    p->length = length - used;
    if (p->length) {
        p->rest = realloc(p->rest, p->length);
        memcpy(p->rest, buffer + used, p->length);
    } else if (kept_bytes) {
        free(p->rest);
        p->rest = NULL;
    }
}

/* ---- commands */

static double percentile(double share) {
    long wanted = (long)(got.received * share), sum = 0;
    if (!got.received) return 0;
    for (int i = 0; i <= SLOTS; i++)
        if ((sum += got.slots[i]) > wanted) return i / 10.0;
    return SLOTS / 10.0;
}

static long behind(long position) {
    long found = 0;
    for (int i = 0; i < count; i++) found += peers[i].state == LIVE && peers[i].last < position;
    return found;
}

static void answer(const char *kind, long waited_for, double seconds) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    long cpu = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    printf("{\"%s\":true,\"open\":%d,\"seconds\":%.4f,\"behind\":%ld,\"received\":%ld,\"bytes\":%ld,\"message_bytes\":%.1f,"
        "\"reads\":%ld,\"close_reads\":%ld,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"worst\":%.1f,\"recent\":%.1f,\"gaps\":%ld,\"doubles\":%ld,"
        "\"foreign\":%ld,\"malformed\":%ld,\"closed\":%ld,\"first\":%ld,\"last\":%ld,\"cpu\":%.4f,\"wall\":%.4f,\"trouble\":\"%s\"}\n",
        kind, live, seconds, waited_for ? behind(waited_for) : 0, got.received, got.bytes,
        got.received ? (double)got.payload_bytes / got.received : 0, got.reads, got.close_reads, percentile(0.5), percentile(0.9),
        percentile(0.99), got.worst / 1000.0, got.recent / 1000.0, got.gaps, got.doubles, got.foreign, got.malformed, got.closed, got.first, got.last,
        (cpu - got.cpu) / 1e6, (now_us(CLOCK_MONOTONIC) - got.began) / 1e6, got.trouble);
    got.recent = 0; /* the worst latency since the previous answer */
    fflush(stdout);
}

static void zero(void) {
    struct rusage used;
    memset(&got, 0, sizeof got);
    getrusage(RUSAGE_SELF, &used);
    got.cpu = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    got.began = now_us(CLOCK_MONOTONIC);
}

/* Wait for events of the sockets, at most `milliseconds`, and process them. Returns whether standard input
 * has a command. */
static int process_events(int milliseconds) {
    struct epoll_event events[1024];
    int found = epoll_wait(epoll, events, 1024, milliseconds), command = 0;
    for (int i = 0; i < found; i++) {
        if (events[i].data.u32 == UINT32_MAX) {
            command = 1;
            continue;
        }
        struct peer *p = &peers[events[i].data.u32];
        if (p->state == CONNECTING) connected(p, events[i].data.u32);
        else if (p->state != CLOSED) readable(p);
    }
    return command;
}

static void open_sockets(int wanted, int most, double seconds) {
    long began = now_us(CLOCK_MONOTONIC), end = began + (long)(seconds * 1e6);
    int refused = got.closed + wanted / 100 + 10; /* it gives up after so many failures */
    if (wanted > count) {
        peers = realloc(peers, wanted * sizeof *peers);
        memset(peers + count, 0, (wanted - count) * sizeof *peers);
        count = wanted;
    }
    int place = 0;
    while (live < wanted && got.closed < refused && now_us(CLOCK_MONOTONIC) < end) {
        for (; pending < most && live + pending < wanted; place = (place + 1) % count)
            if (peers[place].state == CLOSED) start(place);
        process_events(20);
    }
    answer("opened", 0, (now_us(CLOCK_MONOTONIC) - began) / 1e6);
}

static void await_position(long position, double seconds) {
    long began = now_us(CLOCK_MONOTONIC), end = began + (long)(seconds * 1e6);
    target = position;
    reached = live - behind(position);
    while (reached < live && now_us(CLOCK_MONOTONIC) < end) process_events(20);
    target = 0;
    answer("awaited", position, (now_us(CLOCK_MONOTONIC) - began) / 1e6);
}

static char *whole_file(const char *name) {
    FILE *file = fopen(name, "r");
    char *text = calloc(1, 64 << 10);
    if (!file || !fread(text, 1, (64 << 10) - 1, file)) stop("can't read %s", name);
    fclose(file);
    return text;
}

static int command(void) {
    char line[256];
    size_t used = 0;
    while (used < sizeof line - 1 && read(0, line + used, 1) == 1 && line[used] != '\n') used++;
    line[used] = 0;
    long number;
    int most;
    double seconds;
    if (!used) return 0;
    if (sscanf(line, "open %ld %d %lf", &number, &most, &seconds) == 3) open_sockets(number, most, seconds);
    else if (sscanf(line, "await %ld %lf", &number, &seconds) == 2) await_position(number, seconds);
    else if (!strcmp(line, "stats")) answer("stats", 0, 0);
    else if (!strcmp(line, "zero")) {
        zero();
        answer("zero", 0, 0);
    } else stop("unknown command %s", line);
    return 1;
}

int main(int argument_count, char **arguments) {
    if (argument_count != 5) stop("usage: client PORT PATH PAYLOAD_FILE TOKENS_FILE");
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    port = atoi(arguments[1]);
    path = arguments[2];
    payload = whole_file(arguments[3]);
    if ((payload_end = strstr(payload, "\"@socket\""))) {
        *payload_end = 0;
        payload_end += strlen("\"@socket\"");
    }
    for (char *line = strtok(whole_file(arguments[4]), "\n"); line && token_count < 64; line = strtok(NULL, "\n")) tokens[token_count++] = line;
    if (!token_count) stop("no tokens");
    buffer = malloc(MAX_FRAME_BYTES + 64 + READ_BYTES);
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event input = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &input)) stop("epoll_ctl on standard input: %s", strerror(errno));
    zero();
    while (!process_events(1000) || command());
    return 0;
}
