#include "flush.h"

#include <stddef.h>

#include "lifecycle.h"
#include "records.h"
#include "stream.h"
#include "state_lock.h"
#include "util.h"

enum { TOGETHER_MS = 5, TOGETHER_BYTES = 16384 };

static int64_t last_sent;
static bool each_alone, is_announced;

void send_records(void) {
    is_announced = false;
    if (!pending_bytes())
        return;
    last_sent = now_ms();
    if (!flush_records())
        give_up("slimmer does not read any more");
    if (stream_has_order()) /* it came while there was no room, and stdin will not tell again */
        wake_main_thread();
}

int64_t sending_due(void) {
    if (!pending_bytes())
        return INT64_MAX;
    return each_alone || pending_bytes() >= TOGETHER_BYTES ? 0 : last_sent + TOGETHER_MS;
}

bool send_records_if_due(void) {
    if (now_ms() < sending_due())
        return false;
    send_records();
    return true;
}

void send_records_soon(void) {
    if (!pending_bytes() || send_records_if_due() || is_announced)
        return;
    wake_main_thread();
    is_announced = true;
}

void send_each_record(void) {
    each_alone = true;
}
