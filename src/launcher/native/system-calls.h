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

// Clones into `run(argument)`, which never returns, on a stack of its own. Returns the pid or -errno.
static inline long clone_into(u64 flags, void *stack_top, void (*run)(void *), void *argument) {
  long result;
  register void (*r12)(void *) __asm__("r12") = run;
  register void *r13 __asm__("r13") = argument;
  register long r10 __asm__("r10") = 0;
  register long r8 __asm__("r8") = 0;
  __asm__ volatile("syscall\n"
                   "test %%rax,%%rax\n"
                   "jnz 1f\n"
                   "xor %%ebp,%%ebp\n"
                   "mov %%r13,%%rdi\n"
                   "call *%%r12\n"
                   "ud2\n"
                   "1:"
                   : "=a"(result)
                   : "a"(__NR_clone), "D"(flags), "S"(stack_top), "d"(0), "r"(r10), "r"(r8), "r"(r12), "r"(r13)
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

static inline long clone_into(u64 flags, void *stack_top, void (*run)(void *), void *argument) {
  register long x8 __asm__("x8") = __NR_clone;
  register long x0 __asm__("x0") = (long)flags;
  register void *x1 __asm__("x1") = stack_top;
  register long x2 __asm__("x2") = 0;
  register long x3 __asm__("x3") = 0;
  register long x4 __asm__("x4") = 0;
  register void (*x5)(void *) __asm__("x5") = run;
  register void *x6 __asm__("x6") = argument;
  __asm__ volatile("svc 0\n"
                   "cbnz x0, 1f\n"
                   "mov x29,#0\n"
                   "mov x30,#0\n"
                   "mov x0,x6\n"
                   "blr x5\n"
                   "brk #0\n"
                   "1:"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x6)
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

static void set_signal_mask(u64 blocked) {
  CALL(rt_sigprocmask, SIG_SETMASK, &blocked, 0, SIGNAL_SET_BYTES);
}

static void block_all_signals(void) { set_signal_mask(~0ul); }
static void unblock_all_signals(void) { set_signal_mask(0); }

// The kernel's own layout of a signal action, the same on both CPUs.
struct kernel_action {
  u64 handler, flags, restorer, mask;
};

// Whatever we have inherited as ignored would pass on to the child. A child that is stopped or goes on is no news for us.
static void set_default_actions(void) {
  for (int signal = 1; signal <= LAST_SIGNAL; signal++) {
    struct kernel_action action = {0, signal == SIGCHLD ? SA_NOCLDSTOP : 0, 0, 0};
    CALL(rt_sigaction, signal, &action, 0, SIGNAL_SET_BYTES);
  }
}
