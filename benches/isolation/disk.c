/* The MCP server that disk.py measures.
 *
 *     disk FILE          an MCP server on standard input and output
 *
 * Two tools, each with the argument `mib`, from 1 to MIB_MAX:
 *     write       writes so many MiB into FILE anew, 64 KiB at a time, and fsyncs it
 *     read        reads as many from its start, after the kernel was told to drop what it keeps
 *
 * Both answer bytes and nanoseconds; `read` also how many of the pages were in memory all the same,
 * as mincore(2) tells, or -1 where it does not. What goes wrong is the tool's error, and never a
 * number.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIECE (64 << 10)
#define MIB_MAX 4096

static const char *path;
static char piece[PIECE];

static int64_t now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* Writes text as JSON's, without what would end it. */
static void quoted(const char *text)
{
    for (; *text; text++)
        putchar(strchr("\"\\", *text) || (unsigned char)*text < ' ' ? '?' : *text);
}

static void answer(long id, int failed, const char *form, ...)
{
    char text[512];
    va_list rest;
    va_start(rest, form);
    vsnprintf(text, sizeof text, form, rest);
    va_end(rest);
    printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"isError\":%s,\"content\":"
           "[{\"type\":\"text\",\"text\":\"", id, failed ? "true" : "false");
    quoted(text);
    puts("\"}]}}");
    fflush(stdout);
}

static void writing(long id, long mib)
{
    int64_t begun = now(), left = (int64_t)mib << 20;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return answer(id, 1, "open: %s", strerror(errno));
    for (int64_t at = 0; at < left; at += PIECE) {
        /* Each piece differs, so that nothing below can keep one for all. */
        memcpy(piece, &at, sizeof at);
        if (write(fd, piece, PIECE) != PIECE)
            goto failed;
    }
    if (fsync(fd))
        goto failed;
    int64_t took = now() - begun;
    close(fd);
    return answer(id, 0, "%lld %lld", (long long)left, (long long)took);
failed:;
    int reason = errno;
    close(fd);
    answer(id, 1, "write: %s", strerror(reason));
}

/* How many pages of the file are in memory; -1 where nobody tells. */
static long resident(int fd, size_t length)
{
    long page = sysconf(_SC_PAGESIZE), there = 0;
    size_t pages = (length + page - 1) / page;
    unsigned char *seen = malloc(pages);
    void *map = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
    if (!seen || map == MAP_FAILED || mincore(map, length, seen))
        there = -1;
    for (size_t at = 0; there >= 0 && at < pages; at++)
        there += seen[at] & 1;
    if (map != MAP_FAILED)
        munmap(map, length);
    free(seen);
    return there;
}

static void reading(long id, long mib)
{
    int64_t wanted = (int64_t)mib << 20, total = 0;
    struct stat found;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return answer(id, 1, "open: %s", strerror(errno));
    if (fstat(fd, &found) || found.st_size < wanted) {
        close(fd);
        return answer(id, 1, "the file is shorter than %ld MiB", mib);
    }
    int dropped = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    long there = dropped ? -1 : resident(fd, wanted);
    int64_t begun = now();
    while (total < wanted) {
        ssize_t got = read(fd, piece, PIECE);
        if (got <= 0) {
            int reason = got ? errno : ENODATA;
            close(fd);
            return answer(id, 1, "read: %s", strerror(reason));
        }
        total += got;
    }
    int64_t took = now() - begun;
    close(fd);
    answer(id, 0, "%lld %lld %ld", (long long)total, (long long)took, there);
}

/* The number after a name. disk.py writes the lines, and each name stands in them once. */
static long number(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static void result(long id, const char *body)
{
    printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":%s}\n", id, body);
    fflush(stdout);
}

#define SCHEMA "\"inputSchema\":{\"type\":\"object\",\"required\":[\"mib\"]," \
               "\"properties\":{\"mib\":{\"type\":\"integer\"}}}}"

static void answered(const char *line)
{
    long id = number(line, "\"id\":"), mib = number(line, "\"mib\":");
    int call = !!strstr(line, "\"tools/call\"");
    if (id < 0)
        return;
    if (strstr(line, "\"initialize\""))
        result(id, "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
                   "\"serverInfo\":{\"name\":\"disk\",\"version\":\"0\"}}");
    else if (strstr(line, "\"ping\""))
        result(id, "{}");
    else if (strstr(line, "\"tools/list\""))
        result(id, "{\"tools\":[{\"name\":\"write\"," SCHEMA ",{\"name\":\"read\"," SCHEMA "]}");
    else if (call && (mib < 1 || mib > MIB_MAX))
        answer(id, 1, "mib is from 1 to %d", MIB_MAX);
    else if (call && strstr(line, "\"name\":\"write\""))
        writing(id, mib);
    else if (call && strstr(line, "\"name\":\"read\""))
        reading(id, mib);
    else
        answer(id, 1, "unknown");
}

int main(int count, char **words)
{
    char *line = NULL;
    size_t room = 0;
    if (count != 2) {
        fputs("usage: disk FILE\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    path = words[1];
    memset(piece, 'b', sizeof piece);
    while (getline(&line, &room, stdin) > 0)
        answered(line);
    free(line);
    return 0;
}
