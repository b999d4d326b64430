/* A plug-in, loaded when it is first asked for: writes text in capitals. */
#include <ctype.h>

void transform(char *text)
{
    for (; *text; text++)
        *text = (char)toupper((unsigned char)*text);
}
