/* Runs kernels on several cores, and batches of kernels in one call.

   Freestanding: no header, no library. The two ways to sleep and wake are passed in as addresses.
   `entry` must stay the first function: the loader takes the start of the code as its address.

   A job is `count` calls kernel(args, 0) ... kernel(args, count - 1). Threads take numbers from
   `remaining`, counting down, so that a late thread that still looks at the last job finds nothing
   left: a new job's kernel and arguments are in place before its `remaining` is. */

typedef unsigned long long u64;
typedef void (*kernel_t)(const u64 *args, int core);
typedef ABI int (*sleep_t)(void *);

struct job { kernel_t kernel; const u64 *args; u64 count; };

struct pool {
  kernel_t kernel;
  const u64 *args;
  int remaining; /* numbers not yet taken; may fall below zero */
  int pending;   /* calls not yet finished */
  int sleeping;  /* workers that wait on the semaphore, or are about to */
  int busy;      /* a job is being run by all */
  int stop;
  int spins;     /* looks at `remaining` before a worker goes to sleep */
  sleep_t wait, post;
  void *semaphore;
};

static inline void pause_core(void) {
#if defined(__x86_64__)
  __asm__ volatile("pause");
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static inline void take(struct pool *p) {
  for (;;) {
    int number = __atomic_fetch_sub(&p->remaining, 1, __ATOMIC_SEQ_CST);
    if (number <= 0) return;
    p->kernel(p->args, number - 1);
    __atomic_fetch_sub(&p->pending, 1, __ATOMIC_RELEASE);
  }
}

static inline void run(struct pool *p, kernel_t kernel, const u64 *args, int count, int workers) {
  /* one number, no worker, or another thread's job on the cores: all of it here */
  if (count == 1 || workers == 0 || __atomic_exchange_n(&p->busy, 1, __ATOMIC_ACQUIRE)) {
    for (int i = 0; i < count; i++) kernel(args, i);
    return;
  }
  p->kernel = kernel;
  p->args = args;
  __atomic_store_n(&p->pending, count, __ATOMIC_RELAXED);
  __atomic_store_n(&p->remaining, count, __ATOMIC_SEQ_CST);
  int asleep = __atomic_load_n(&p->sleeping, __ATOMIC_SEQ_CST);
  for (int i = 0; i < asleep && i < count - 1; i++) p->post(p->semaphore);
  take(p);
  while (__atomic_load_n(&p->pending, __ATOMIC_ACQUIRE) > 0) pause_core();
  __atomic_store_n(&p->busy, 0, __ATOMIC_RELEASE);
}

static inline void work(struct pool *p) {
  while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
    int looks = p->spins;
    while (__atomic_load_n(&p->remaining, __ATOMIC_RELAXED) <= 0 && looks-- > 0) pause_core();
    if (looks < 0) {
      __atomic_fetch_add(&p->sleeping, 1, __ATOMIC_SEQ_CST);
      if (__atomic_load_n(&p->remaining, __ATOMIC_SEQ_CST) <= 0) p->wait(p->semaphore);
      __atomic_fetch_sub(&p->sleeping, 1, __ATOMIC_SEQ_CST);
    }
    take(p);
  }
}

/* what: 0 work until stopped; 1 run one job; 2 run `count` jobs one after another */
ABI void entry(int what, struct pool *p, const void *jobs, const u64 *args, int count, int workers) {
  if (what == 0) work(p);
  else if (what == 1) run(p, (kernel_t)jobs, args, count, workers);
  else
    for (int i = 0; i < count; i++) {
      const struct job *j = (const struct job *)jobs + i;
      run(p, j->kernel, j->args, (int)j->count, workers);
    }
}
