#include "captured.h"

#include <errno.h>
#include <string.h>

/* The next piece of this kind and key behind `*place`; NULL if there is none. */
static const struct call_piece *find(const struct captured *captured, enum piece_kind kind, uint64_t key) {
    size_t length = captured->record->length;
    for (size_t place = 0; place + sizeof(struct call_piece) <= length;) {
        const struct call_piece *piece = (const struct call_piece *)(captured->pieces + place);
        size_t next = place + sizeof *piece + ((size_t)piece->length + 7) / 8 * 8;
        if (next > length)
            return NULL;
        if (piece->kind == (uint32_t)kind && piece->key == key)
            return piece;
        place = next;
    }
    return NULL;
}

static const char *content_of(const struct call_piece *piece) {
    return (const char *)(piece + 1);
}

bool captured_memory(const struct captured *captured, uint64_t address, void *data, size_t size) {
    const struct call_piece *piece = find(captured, PIECE_MEMORY, address);
    if (!piece || piece->length < size)
        return false;
    memcpy(data, content_of(piece), size);
    return true;
}

bool captured_string(const struct captured *captured, uint64_t address, char *text, size_t size) {
    const struct call_piece *piece = find(captured, PIECE_MEMORY, address);
    if (!piece || !piece->length || piece->length > size || content_of(piece)[piece->length - 1])
        return false;
    memcpy(text, content_of(piece), piece->length);
    return true;
}

/* From the names, of which the last comes first, to "/first/…/last". */
static bool join(const struct call_piece *piece, char *path, size_t size) {
    const char *names = content_of(piece);
    size_t written = 0, end = piece->length;
    if (end > 0 && names[end - 1])
        return false;
    while (end > 0) {
        size_t start = end - 1;
        while (start > 0 && names[start - 1])
            start--;
        size_t length = end - start; /* with the NUL, in place of which the slash is counted */
        if (written + length + 1 > size) {
            errno = ENAMETOOLONG;
            return false;
        }
        path[written] = '/';
        memcpy(path + written + 1, names + start, length - 1);
        written += length;
        end = start;
    }
    if (!written)
        path[written++] = '/';
    path[written] = '\0';
    return true;
}

static bool find_path(const struct captured *captured, enum piece_kind kind, uint64_t key, char *path, size_t size) {
    const struct call_piece *piece = find(captured, kind, key);
    errno = ENOENT;
    return piece && join(piece, path, size);
}

bool captured_folder(const struct captured *captured, int descriptor, char *path, size_t size) {
    return find_path(captured, PIECE_FOLDER, (uint32_t)descriptor, path, size);
}

bool captured_root(const struct captured *captured, char *path, size_t size) {
    return find_path(captured, PIECE_ROOT, 0, path, size);
}

bool captured_opened(const struct captured *captured, char *path, size_t size) {
    return find_path(captured, PIECE_OPENED, 0, path, size);
}

bool captured_program(const struct captured *captured, char *path, size_t size) {
    return find_path(captured, PIECE_PROGRAM, 0, path, size);
}
