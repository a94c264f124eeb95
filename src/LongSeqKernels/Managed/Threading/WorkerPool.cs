using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace LongSeqKernels;

/// <summary>
/// Work cut into numbered items that may run in any order on any thread; results must not depend on which thread runs which item.
/// Implemented by structs of pointers and sizes, so that a run allocates nothing.
/// </summary>
internal interface IParallelWork
{
    /// <summary>Does one item.</summary>
    /// <param name="item">From 0 to the number of items - 1.</param>
    /// <param name="thread">
    /// Below <see cref="WorkerPool.ThreadsFor"/>; no two items with the same number run at the same time within one run: it picks the slice of scratch memory.
    /// </param>
    void Execute(int item, int thread);
}

/// <summary>
/// The CPU backend's own threads. The caller of <see cref="Run"/> works too, so a pool of N threads has N - 1 workers, which spin shortly
/// for the next run and then sleep. Runs of several callers take turns.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    /// <summary>Successive kernels of a model follow each other closer than this; waking a sleeping thread takes longer.</summary>
    private static readonly long SpinTicks = Stopwatch.Frequency / 50_000;

    [ThreadStatic]
    private static bool _inside;

    private readonly Thread[] _workers;
    private readonly Lock _turn = new();

    // Workers wait on _gate for vacancies, the caller on _done for the last worker to leave. Both objects guard nothing else.
    private readonly object _gate = new();
    private readonly object _done = new();
    private volatile int _vacancies;
    private volatile int _active;
    private int _joined;
    private volatile bool _disposed;

    private void* _work;
    private delegate*<WorkerPool, void*, int, void> _drain;
    private int _items;
    private int _next;
    private Exception? _failure;

    /// <summary>Starts the workers.</summary>
    /// <param name="threads">The caller included; 1 means that everything runs on the caller.</param>
    public WorkerPool(int threads)
    {
        Threads = threads;
        _workers = new Thread[threads - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            _workers[i] = new Thread(WorkUntilDisposed) { IsBackground = true, Name = $"LongSeqKernels worker {i + 1}" };
            _workers[i].Start();
        }
    }

    /// <summary>Threads that can work at the same time, the caller included.</summary>
    public int Threads { get; }

    /// <summary>How many threads a run of <paramref name="items"/> items can use: the slices of scratch memory that it needs.</summary>
    public int ThreadsFor(int items) => Math.Clamp(items, 1, Threads);

    /// <summary>Runs all items and returns when the last one is done. An exception of an item skips items not yet begun and is thrown here.</summary>
    /// <param name="work">A local variable of the caller: workers reach it through its address.</param>
    /// <param name="items">Number of items; may be 0.</param>
    public void Run<TWork>(ref TWork work, int items)
        where TWork : struct, IParallelWork
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Threads == 1 || items <= 1)
        {
            for (int item = 0; item < items; item++)
            {
                work.Execute(item, 0);
            }
            return;
        }
        if (_inside)
        {
            throw new InvalidOperationException("An item of parallel work cannot start parallel work.");
        }
        lock (_turn)
        {
            Open(Unsafe.AsPointer(ref work), &Drain<TWork>, items);
            try
            {
                Drain<TWork>(this, _work, 0);
            }
            finally
            {
                Close();
            }
        }
    }

    /// <summary>Ends the workers. Must not be called while a run is under way.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Monitor.PulseAll(_gate);
        }
        foreach (Thread worker in _workers)
        {
            worker.Join();
        }
    }

    private void Open(void* work, delegate*<WorkerPool, void*, int, void> drain, int items)
    {
        lock (_gate)
        {
            _work = work;
            _drain = drain;
            _items = items;
            _next = 0;
            _joined = 0;
            _failure = null;
            int wanted = Math.Min(_workers.Length, items - 1);
            _vacancies = wanted;
            for (int i = 0; i < wanted; i++)
            {
                Monitor.Pulse(_gate);
            }
        }
    }

    /// <summary>
    /// Workers that have not woken up by now are not waited for; those at work are, whatever happens: they use the caller's stack and memory. A caller who is
    /// interrupted meanwhile learns of it at its next wait.
    /// </summary>
    private void Close()
    {
        bool interrupted = false;
        while (!TryWaitForWorkers())
        {
            interrupted = true;
        }
        if (interrupted)
        {
            Thread.CurrentThread.Interrupt();
        }
        _work = null;
        if (_failure is { } failure)
        {
            _failure = null;
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <returns>False when the caller was interrupted: some may still be at work.</returns>
    private bool TryWaitForWorkers()
    {
        try
        {
            lock (_gate)
            {
                _vacancies = 0;
            }
            long start = Stopwatch.GetTimestamp();
            while (_active != 0 && Stopwatch.GetTimestamp() - start < SpinTicks)
            {
                Thread.SpinWait(8);
            }
            if (_active != 0)
            {
                lock (_done)
                {
                    while (_active != 0)
                    {
                        Monitor.Wait(_done);
                    }
                }
            }
            return true;
        }
        catch (ThreadInterruptedException)
        {
            return false;
        }
    }

    private static void Drain<TWork>(WorkerPool pool, void* work, int thread)
        where TWork : struct, IParallelWork
    {
        _inside = true;
        try
        {
            ref TWork items = ref Unsafe.AsRef<TWork>(work);
            for (int item; (item = Interlocked.Increment(ref pool._next) - 1) < pool._items;)
            {
                items.Execute(item, thread);
            }
        }
        catch (Exception failure)
        {
            Interlocked.CompareExchange(ref pool._failure, failure, null);
            // Far enough below the maximum that the increments of all threads cannot overflow it.
            Volatile.Write(ref pool._next, int.MaxValue / 2);
        }
        finally
        {
            _inside = false;
        }
    }

    private void WorkUntilDisposed()
    {
        while (Join(out int thread))
        {
            _drain(this, _work, thread);
            if (Interlocked.Decrement(ref _active) == 0)
            {
                lock (_done)
                {
                    Monitor.PulseAll(_done);
                }
            }
        }
    }

    /// <summary>Waits for a run that wants one more thread, and joins it.</summary>
    /// <returns>False when the pool ends.</returns>
    private bool Join(out int thread)
    {
        long start = Stopwatch.GetTimestamp();
        while (_vacancies == 0 && !_disposed && Stopwatch.GetTimestamp() - start < SpinTicks)
        {
            Thread.SpinWait(8);
        }
        lock (_gate)
        {
            while (_vacancies == 0 && !_disposed)
            {
                Monitor.Wait(_gate);
            }
            thread = 0;
            if (_disposed)
            {
                return false;
            }
            _vacancies--;
            Interlocked.Increment(ref _active);
            thread = ++_joined;
            return true;
        }
    }
}
