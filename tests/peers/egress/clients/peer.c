/* A static client: `peer HOST` asks libc for the addresses, `peer --own HOST` asks the first server
 * of /etc/resolv.conf itself, as programs without libc do. Prints what /hello says. */

#include <arpa/inet.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { TYPE_A = 1, TYPE_AAAA = 28, ANSWER_BYTES = 4096 };

static int say_hello(int family, const void *address, socklen_t length, const char *host) {
    int stream = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (stream < 0 || connect(stream, address, length) != 0) {
        if (stream >= 0) close(stream);
        return 0;
    }
    dprintf(stream, "GET /hello HTTP/1.0\r\nHost: %s\r\n\r\n", host);
    char got[8192];
    size_t filled = 0;
    ssize_t more = 1;
    while (more > 0 && filled < sizeof got - 1) {
        more = read(stream, got + filled, sizeof got - 1 - filled);
        filled += more > 0 ? (size_t)more : 0;
    }
    got[filled] = 0;
    close(stream);
    char *body = strstr(got, "\r\n\r\n");
    if (body == NULL) return 0;
    fputs(body + 4, stdout);
    return 1;
}

static int by_libc(const char *host) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all;
    int failed = getaddrinfo(host, "80", &hints, &all);
    if (failed != 0) {
        fprintf(stderr, "%s: %s\n", host, gai_strerror(failed));
        return 0;
    }
    for (struct addrinfo *one = all; one != NULL; one = one->ai_next)
        if (say_hello(one->ai_family, one->ai_addr, one->ai_addrlen, host)) return 1;
    return 0;
}

static int server(struct sockaddr_in *address) {
    FILE *file = fopen("/etc/resolv.conf", "r");
    char line[256], name[64];
    int found = 0;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = sscanf(line, "nameserver %63s", name) == 1
            && inet_pton(AF_INET, name, &address->sin_addr) == 1;
    if (file != NULL) fclose(file);
    address->sin_family = AF_INET;
    address->sin_port = htons(53);
    return found;
}

static size_t query(uint8_t *into, const char *host, int type) {
    static const uint8_t HEAD[12] = {0xbe, 0xe5, 1, 0, 0, 1};
    memcpy(into, HEAD, sizeof HEAD);
    size_t at = sizeof HEAD;
    while (*host != 0) {
        size_t label = strcspn(host, ".");
        into[at++] = (uint8_t)label;
        memcpy(into + at, host, label);
        at += label;
        host += label + (host[label] == '.');
    }
    const uint8_t end[5] = {0, 0, (uint8_t)type, 0, 1};
    memcpy(into + at, end, sizeof end);
    return at + sizeof end;
}

static size_t skip_name(const uint8_t *answer, size_t at, size_t size) {
    while (at < size && answer[at] != 0 && answer[at] < 0xc0) at += answer[at] + 1u;
    return at < size && answer[at] >= 0xc0 ? at + 2 : at + 1;
}

static int try_records(const uint8_t *answer, size_t size, size_t at, const char *host) {
    int records = answer[6] << 8 | answer[7];
    while (records-- > 0 && at < size) {
        at = skip_name(answer, at, size);
        if (at + 10 > size) return 0;
        int type = answer[at] << 8 | answer[at + 1], length = answer[at + 8] << 8 | answer[at + 9];
        const uint8_t *value = answer + at + 10;
        at += 10u + (size_t)length;
        if (at > size) return 0;
        if (type == TYPE_A && length == 4) {
            struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
            memcpy(&to.sin_addr, value, 4);
            if (say_hello(AF_INET, &to, sizeof to, host)) return 1;
        } else if (type == TYPE_AAAA && length == 16) {
            struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
            memcpy(&to.sin6_addr, value, 16);
            if (say_hello(AF_INET6, &to, sizeof to, host)) return 1;
        }
    }
    return 0;
}

static int by_itself(const char *host) {
    struct sockaddr_in address = {0};
    if (!server(&address)) {
        fputs("no server in /etc/resolv.conf\n", stderr);
        return 0;
    }
    static const int TYPES[2] = {TYPE_AAAA, TYPE_A};
    for (int at = 0; at < 2; at++) {
        uint8_t asked[300], answer[ANSWER_BYTES];
        size_t length = query(asked, host, TYPES[at]);
        int service = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct timeval patience = {.tv_sec = 5};
        setsockopt(service, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        /* Not connected, as many resolvers have it. */
        sendto(service, asked, length, 0, (struct sockaddr *)&address, sizeof address);
        ssize_t size = recvfrom(service, answer, sizeof answer, 0, NULL, NULL);
        close(service);
        if (size > (ssize_t)length && try_records(answer, (size_t)size, length, host)) return 1;
    }
    return 0;
}

int main(int count, char **words) {
    int own = count == 3 && strcmp(words[1], "--own") == 0;
    if (strlen(words[count - 1]) > 253) return 2;
    if (own ? by_itself(words[2]) : by_libc(words[count - 1])) return 0;
    fputs("nobody answers\n", stderr);
    return 1;
}
