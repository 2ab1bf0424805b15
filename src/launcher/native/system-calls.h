// System calls without a C library: CALL(name, arguments...) returns what the kernel returns, -errno included.

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/poll.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/close_range.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/signalfd.h>
#include <linux/time_types.h>
#include <linux/wait.h>

#if defined(__x86_64__)

static inline long call_kernel(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

// The kernel enters with the stack pointer at argc; nothing else is defined.
__asm__(".globl _start\n"
        "_start: xor %ebp,%ebp\n"
        " mov %rsp,%rdi\n"
        " and $-16,%rsp\n"
        " call launcher_main\n"
        " ud2\n");

#elif defined(__aarch64__)

static inline long call_kernel(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory", "cc");
  return x0;
}

__asm__(".globl _start\n"
        "_start: mov x29,#0\n"
        " mov x30,#0\n"
        " mov x0,sp\n"
        " bl launcher_main\n"
        " brk #0\n");

#else
#error "no system call layer for this CPU"
#endif

#define CALL(name, ...) CALL_(name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(name, a, b, c, d, e, f, ...) \
  call_kernel(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1

#define SIGNAL_SET_BYTES 8
#define LAST_SIGNAL 64
// SIGRTMIN as user space knows it.
#define SIGNAL_COMMAND 34

static void quit(int code) {
  for (;;) CALL(exit_group, code);
}

static u64 now_ns(int clock) {
  struct __kernel_timespec time = {0, 0};
  CALL(clock_gettime, clock, &time);
  return (u64)time.tv_sec * 1000000000u + (u64)time.tv_nsec;
}

static void block_all_signals(void) {
  u64 all = ~0ul;
  CALL(rt_sigprocmask, SIG_SETMASK, &all, 0, SIGNAL_SET_BYTES);
}

// The kernel's own layout of a signal action, the same on both CPUs.
struct kernel_action {
  u64 handler, flags, restorer, mask;
};

static void set_default_action(int signal, u64 flags) {
  struct kernel_action action = {0, flags, 0, 0};
  CALL(rt_sigaction, signal, &action, 0, SIGNAL_SET_BYTES);
}
