/* The recorder that sees opens by whatever means (fanotify(7)): its marks on the container's mounts, and its events. */
#ifndef MARKS_H
#define MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Marks every mount that may hold files of the image. False when fanotify cannot run, with the reason in `trouble`.
 * In the company of another recorder, what that has recorded already is not told again. */
bool place_marks(bool in_company, char *trouble, size_t size);
/* To be polled for events, when that is due (now_ms): -1 and never where fanotify does not run. */
int marks_descriptor(void);
int64_t marks_due(void);

/* Records some of the events that wait. */
void serve_marks(void);
/* Records all that have happened until now. */
void drain_marks(void);

#endif
