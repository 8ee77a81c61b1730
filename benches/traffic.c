/* Both ends of the connections that egress.py measures.
 *
 *     traffic serve ADDRESS PORT                       until it is ended
 *     traffic client HOST PORT [PROXY PROXY_PORT]      an MCP server on standard input and output
 *
 * A connection's first byte says what its server does: 'd' sends until the client leaves, 'u' reads
 * pieces until one starts with 'e' and answers how many bytes that were (squid ends a tunnel whose
 * client has sent all), 'b' answers one byte and leaves first, so that no port of the client has to
 * wait. With PROXY every connection starts with HTTP's CONNECT.
 *
 * The client answers `initialize`, and one tool, `measure`, by its arguments `what`, `ms`, `count`:
 *     down, up    bytes and nanoseconds that `count` connections took together, of about `ms`
 *     rate        connections and nanoseconds, by `count` threads, one after the other in each
 *     first       `count` times the nanoseconds from socket(2) to the first byte of the answer
 * What goes wrong is the tool's error, never a number.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE (128 << 10)
#define THREADS 64
#define COUNT_MAX 100000

static struct sockaddr_storage to;
static socklen_t to_length;
static char connect_line[512];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void find(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error) {
        fprintf(stderr, "%s: %s\n", host, gai_strerror(error));
        exit(1);
    }
    memcpy(&to, found->ai_addr, found->ai_addrlen);
    to_length = found->ai_addrlen;
    freeaddrinfo(found);
}

static int send_all(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return -1;
        bytes += sent;
        length -= sent;
    }
    return 0;
}

static void serve_one(int fd, char *piece)
{
    char what;
    if (recv(fd, &what, 1, 0) != 1)
        return;
    if (what == 'b') {
        send_all(fd, "b", 1);
    } else if (what == 'd') {
        while (!send_all(fd, piece, PIECE))
            ;
    } else if (what == 'u') {
        int64_t total = 0;
        ssize_t got;
        do {
            size_t at = total % PIECE;
            got = recv(fd, piece + at, PIECE - at, 0);
            if (got <= 0)
                return;
            total += got;
        } while (total % PIECE || *piece != 'e');
        send_all(fd, (char *)&total, sizeof total);
        *piece = 0;
    }
}

__attribute__((noreturn)) static void *serving(void *listener)
{
    char *piece = calloc(1, PIECE);
    for (;;) {
        int fd = accept(*(int *)listener, NULL, NULL);
        if (fd < 0) {
            perror("accept");
            exit(1);
        }
        serve_one(fd, piece);
        close(fd);
    }
}

__attribute__((noreturn)) static void serve(void)
{
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&to, to_length) || listen(listener, 4096))
        die("listen");
    puts("ready");
    fflush(stdout);
    for (int at = 0; at < THREADS; at++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serving, &listener))
            die("thread");
    }
    for (;;)
        pause();
}

/* A connection that was asked for by `what`, or -1. */
static int dial(char what)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&to, to_length))
        goto failed;
    if (*connect_line) {
        char reply[2048];
        size_t length = 0;
        if (send_all(fd, connect_line, strlen(connect_line)))
            goto failed;
        /* The other side of the tunnel says nothing until it is asked. */
        do {
            ssize_t got = recv(fd, reply + length, sizeof reply - 1 - length, 0);
            if (got <= 0)
                goto failed;
            length += got;
            reply[length] = 0;
        } while (!strstr(reply, "\r\n\r\n"));
        if (strncmp(reply + 8, " 200 ", 5)) {
            errno = EACCES;
            goto failed;
        }
    }
    if (!send_all(fd, &what, 1))
        return fd;
failed:
    /* close(2) may set it anew. */
    {
        int reason = errno ? errno : ECONNRESET;
        close(fd);
        errno = reason;
    }
    return -1;
}

struct part {
    pthread_t thread;
    char what;
    int64_t until, amount;
    int failed;
};

static int64_t down(int fd, char *piece, int64_t until)
{
    int64_t total = 0;
    while (now() < until) {
        ssize_t got = recv(fd, piece, PIECE, 0);
        if (got <= 0)
            return -1;
        total += got;
    }
    return total;
}

/* Until the other end has said that all of it is there: what lies in buffers is not delivered. */
static int64_t up(int fd, char *piece, int64_t until)
{
    int64_t sent = 0, heard = 0;
    for (int last = 0; !last; sent += PIECE) {
        last = now() >= until;
        *piece = last ? 'e' : 0;
        if (send_all(fd, piece, PIECE))
            return -1;
    }
    if (recv(fd, &heard, sizeof heard, MSG_WAITALL) != sizeof heard)
        return -1;
    if (heard != sent) {
        errno = EBADMSG;
        return -1;
    }
    return heard;
}

/* One byte there and back, and the end that the server makes. */
static int64_t one(void)
{
    char byte;
    int64_t begun = now(), took = -1;
    int fd = dial('b');
    if (fd < 0)
        return -1;
    if (recv(fd, &byte, 1, 0) == 1 && byte == 'b') {
        took = now() - begun;
        if (recv(fd, &byte, 1, 0) != 0)
            took = -1;
    }
    if (took < 0 && !errno)
        errno = ECONNRESET;
    int reason = errno;
    close(fd);
    errno = reason;
    return took;
}

static void *taking(void *given)
{
    struct part *part = given;
    errno = 0;
    if (part->what == 'b') {
        while (!part->failed && now() < part->until) {
            if (one() < 0)
                part->failed = errno;
            part->amount++;
        }
        return NULL;
    }
    char *piece = calloc(1, PIECE);
    int fd = dial(part->what);
    if (fd < 0) {
        part->failed = errno;
    } else {
        int64_t (*move)(int, char *, int64_t) = part->what == 'd' ? down : up;
        part->amount = move(fd, piece, part->until);
        if (part->amount < 0)
            part->failed = errno ? errno : ECONNRESET;
        close(fd);
    }
    free(piece);
    return NULL;
}

static int answer(long id, int failed, const char *form, ...)
{
    va_list rest;
    printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"isError\":%s,\"content\":"
           "[{\"type\":\"text\",\"text\":\"", id, failed ? "true" : "false");
    va_start(rest, form);
    vprintf(form, rest);
    va_end(rest);
    puts("\"}]}}");
    return fflush(stdout);
}

static void together(long id, char what, long ms, long count)
{
    struct part parts[THREADS] = {0};
    int64_t begun = now(), total = 0;
    int failed = count < 1 || count > THREADS ? EINVAL : 0;
    long started = 0;
    for (; !failed && started < count; started++) {
        parts[started].what = what;
        parts[started].until = begun + ms * 1000000;
        failed = pthread_create(&parts[started].thread, NULL, taking, &parts[started]);
        if (failed)
            break;
    }
    for (long at = 0; at < started; at++) {
        pthread_join(parts[at].thread, NULL);
        total += parts[at].amount;
        failed = failed ? failed : parts[at].failed;
    }
    int64_t took = now() - begun;
    if (failed)
        answer(id, 1, "%s", strerror(failed));
    else
        answer(id, 0, "%lld %lld", (long long)total, (long long)took);
}

static void firsts(long id, long count)
{
    char *text = count < 1 || count > COUNT_MAX ? NULL : malloc(count * 21 + 1), *end = text;
    if (!text) {
        answer(id, 1, "no such count");
        return;
    }
    for (long at = 0; at < count; at++) {
        errno = 0;
        int64_t took = one();
        if (took < 0) {
            answer(id, 1, "%s", strerror(errno));
            free(text);
            return;
        }
        end += sprintf(end, at ? " %lld" : "%lld", (long long)took);
    }
    answer(id, 0, "%s", text);
    free(text);
}

/* The number after a name. egress.py writes the lines, and each name stands in them once. */
static long number(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static int client(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        long id = number(line, "\"id\":"), ms = number(line, "\"ms\":");
        long count = number(line, "\"count\":");
        if (strstr(line, "\"initialize\"")) {
            printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"protocolVersion\":\"2025-11-25\","
                   "\"capabilities\":{\"tools\":{}},"
                   "\"serverInfo\":{\"name\":\"traffic\",\"version\":\"0\"}}}\n", id);
            fflush(stdout);
        } else if (strstr(line, "\"what\":\"down\"")) {
            together(id, 'd', ms, count);
        } else if (strstr(line, "\"what\":\"up\"")) {
            together(id, 'u', ms, count);
        } else if (strstr(line, "\"what\":\"rate\"")) {
            together(id, 'b', ms, count);
        } else if (strstr(line, "\"what\":\"first\"")) {
            firsts(id, count);
        } else if (id >= 0) {
            answer(id, 1, "unknown");
        }
    }
    return 0;
}

int main(int count, char **words)
{
    signal(SIGPIPE, SIG_IGN);
    if (count == 4 && !strcmp(words[1], "serve")) {
        find(words[2], words[3]);
        serve();
    }
    if ((count == 4 || count == 6) && !strcmp(words[1], "client")) {
        if (count == 6)
            snprintf(connect_line, sizeof connect_line,
                     "CONNECT %s:%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n",
                     words[2], words[3], words[2], words[3]);
        find(words[count - 2], words[count - 1]);
        return client();
    }
    fputs("usage: traffic serve ADDRESS PORT | client HOST PORT [PROXY PROXY_PORT]\n", stderr);
    return 2;
}
