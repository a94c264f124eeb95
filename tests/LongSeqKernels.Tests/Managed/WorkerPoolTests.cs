using System.Runtime.InteropServices;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

[TestFixture]
internal sealed unsafe class WorkerPoolTests
{
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(5)]
    public void EveryItemRunsOnce(int threads)
    {
        using var pool = new WorkerPool(threads);
        foreach (int items in new[] { 0, 1, 2, 3, 7, 1000 })
        {
            int[] runs = new int[items + 1];
            for (int repeat = 1; repeat <= 50; repeat++)
            {
                fixed (int* counts = runs)
                {
                    var work = new CountRuns { Counts = counts, Threads = pool.ThreadsFor(items) };
                    pool.Run(ref work, items);
                }
                Assert.That(runs[..items], Is.All.EqualTo(repeat), $"{items} items, {threads} threads");
            }
        }
    }

    [Test]
    public void TwoItemsOfOneRunNeverShareAThreadNumber()
    {
        using var pool = new WorkerPool(4);
        int[] busy = new int[4];
        int clashes = 0;
        fixed (int* flags = busy)
        {
            var work = new DetectClash { Busy = flags, Clashes = &clashes };
            for (int run = 0; run < 200; run++)
            {
                pool.Run(ref work, 64);
            }
        }
        Assert.That(clashes, Is.Zero);
    }

    [TestCase(1)]
    [TestCase(3)]
    public void AnExceptionReachesTheCallerAndThePoolLivesOn(int threads)
    {
        using var pool = new WorkerPool(threads);
        for (int run = 0; run < 20; run++)
        {
            Assert.That(() => RunFailing(pool), Throws.TypeOf<FormatException>().With.Message.EqualTo("item 5"));
        }
        int[] runs = new int[9];
        fixed (int* counts = runs)
        {
            var work = new CountRuns { Counts = counts, Threads = threads };
            pool.Run(ref work, 9);
        }
        Assert.That(runs, Is.All.EqualTo(1));
    }

    [Test]
    public void CallersOfSeveralThreadsTakeTurns()
    {
        using var pool = new WorkerPool(2);
        int[][] results = [.. Enumerable.Range(0, 6).Select(_ => new int[100])];
        Thread[] callers = [.. results.Select(result => new Thread(() => CountManyRuns(pool, result, 200)))];
        foreach (Thread caller in callers)
        {
            caller.Start();
        }
        foreach (Thread caller in callers)
        {
            caller.Join();
        }
        Assert.That(results, Is.All.All.EqualTo(200));
    }

    [Test]
    public void ARunAllocatesNothing()
    {
        using var pool = new WorkerPool(2);
        int[] runs = new int[8];
        CountManyRuns(pool, runs, 100);
        long before = GC.GetAllocatedBytesForCurrentThread();
        CountManyRuns(pool, runs, 1000);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void ADisposedPoolRefusesToRun()
    {
        var pool = new WorkerPool(2);
        pool.Dispose();
        Assert.That(() => CountManyRuns(pool, new int[2], 1), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void WorkInsideWorkIsRefused()
    {
        using var pool = new WorkerPool(2);
        Assert.That(() => RunNested(pool), Throws.InvalidOperationException);
    }

    /// <summary>A worker uses the stack and the memory of the caller, who must not leave before it, whatever ends the caller's wait.</summary>
    [Test]
    public void AnInterruptedCallerStillWaitsForItsWorkers()
    {
        using var pool = new WorkerPool(2);
        int* marks = (int*)NativeMemory.AllocZeroed(3, sizeof(int));
        int left = 0;
        bool toldAfterwards = false;
        var caller = new Thread(() =>
        {
            var work = new HeldWorker { Caller = Environment.CurrentManagedThreadId, Begun = marks, Released = marks + 1, Ended = marks + 2 };
            try
            {
                pool.Run(ref work, 2);
                left = Volatile.Read(ref marks[2]) == 1 ? 1 : -1;
                Thread.Sleep(Timeout.Infinite);
            }
            catch (ThreadInterruptedException)
            {
                toldAfterwards = left == 1;
            }
        });
        caller.Start();
        SpinWait.SpinUntil(() => Volatile.Read(ref marks[0]) == 1);
        caller.Interrupt();
        bool leftEarly = caller.Join(TimeSpan.FromMilliseconds(100));
        Volatile.Write(ref marks[1], 1);
        caller.Join();
        SpinWait.SpinUntil(() => Volatile.Read(ref marks[2]) == 1);
        NativeMemory.Free(marks);

        Assert.That(leftEarly, Is.False, "the caller left its workers alone");
        Assert.That(toldAfterwards, "the interruption is lost");
        int[] counts = new int[4];
        CountManyRuns(pool, counts, 1);
        Assert.That(counts, Is.All.EqualTo(1));
    }

    private static void RunFailing(WorkerPool pool)
    {
        var work = default(FailAtFive);
        pool.Run(ref work, 6);
    }

    private static void RunNested(WorkerPool pool)
    {
        var work = new Nested { Pool = pool };
        pool.Run(ref work, 2);
    }

    private static void CountManyRuns(WorkerPool pool, int[] counts, int runs)
    {
        fixed (int* first = counts)
        {
            var work = new CountRuns { Counts = first, Threads = pool.Threads };
            for (int run = 0; run < runs; run++)
            {
                pool.Run(ref work, counts.Length);
            }
        }
    }

    private struct CountRuns : IParallelWork
    {
        public int* Counts;
        public int Threads;

        public readonly void Execute(int item, int thread) => Interlocked.Add(ref Counts[item], thread < Threads ? 1 : int.MinValue / 2);
    }

    private struct DetectClash : IParallelWork
    {
        public int* Busy;
        public int* Clashes;

        public readonly void Execute(int item, int thread)
        {
            if (Interlocked.Exchange(ref Busy[thread], 1) != 0)
            {
                Interlocked.Increment(ref *Clashes);
            }
            Thread.SpinWait(20);
            Volatile.Write(ref Busy[thread], 0);
        }
    }

    /// <summary>The caller's item ends when a worker has begun its own, that of the worker when it is released.</summary>
    private struct HeldWorker : IParallelWork
    {
        public int Caller;
        public int* Begun;
        public int* Released;
        public int* Ended;

        public readonly void Execute(int item, int thread)
        {
            // Copies: a caller who leaves too early takes these fields along.
            int* begun = Begun;
            int* released = Released;
            int* ended = Ended;
            if (Environment.CurrentManagedThreadId == Caller)
            {
                WaitFor(begun);
                return;
            }
            Volatile.Write(ref *begun, 1);
            WaitFor(released);
            Volatile.Write(ref *ended, 1);
        }

        private static void WaitFor(int* mark)
        {
            while (Volatile.Read(ref *mark) == 0)
            {
                Thread.SpinWait(20);
            }
        }
    }

    private struct FailAtFive : IParallelWork
    {
        public readonly void Execute(int item, int thread)
        {
            if (item == 5)
            {
                throw new FormatException("item 5");
            }
        }
    }

    private struct Nested : IParallelWork
    {
        public WorkerPool Pool;

        public readonly void Execute(int item, int thread)
        {
            var inner = default(FailAtFive);
            Pool.Run(ref inner, 2);
        }
    }
}
