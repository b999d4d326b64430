/* What the processes of the container hold already: their programs, the files that are open or mapped into their memory, the
 * folders in which they work. */
#ifndef OPEN_FILES_H
#define OPEN_FILES_H

/* Records all of it, each as the access by which a process came to hold it. */
void record_open_files(void);

#endif
