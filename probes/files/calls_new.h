/* Numbers of system calls that are younger than the kernel headers of some build machines. New calls have had one number
 * on all architectures since 424; x32 adds its bit, which NEW_CALL_BASE holds. */
#ifndef NEW_CALL_BASE
#define NEW_CALL_BASE 0
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr (NEW_CALL_BASE + 442)
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 (NEW_CALL_BASE + 452)
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat (NEW_CALL_BASE + 463)
#define __NR_getxattrat (NEW_CALL_BASE + 464)
#define __NR_listxattrat (NEW_CALL_BASE + 465)
#define __NR_removexattrat (NEW_CALL_BASE + 466)
#endif
#ifndef __NR_open_tree_attr
#define __NR_open_tree_attr (NEW_CALL_BASE + 467)
#endif
#ifndef __NR_file_getattr
#define __NR_file_getattr (NEW_CALL_BASE + 468)
#define __NR_file_setattr (NEW_CALL_BASE + 469)
#endif
#ifndef __NR_statmount
#define __NR_statmount (NEW_CALL_BASE + 457)
#define __NR_listmount (NEW_CALL_BASE + 458)
#endif
