/* What this build of the probe calls itself. PROBE_VERSION comes from the Makefile. */
#ifndef VERSION_H
#define VERSION_H

#if defined(__x86_64__)
#define ARCHITECTURE "amd64"
#elif defined(__aarch64__)
#define ARCHITECTURE "arm64"
#else
#error "the probe is written for x86_64 and aarch64"
#endif

#endif
