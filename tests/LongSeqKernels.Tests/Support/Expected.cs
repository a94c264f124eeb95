using System.Collections.Concurrent;

namespace LongSeqKernels.Tests;

/// <summary>What the cases of a suite should give, computed once and compared with by every backend.</summary>
internal sealed class Expected<TValue>
{
    private readonly ConcurrentDictionary<string, Lazy<TValue>> _values = new();

    /// <param name="key">Names the case.</param>
    /// <param name="compute">Computes what it should give.</param>
    public TValue Of(string key, Func<TValue> compute) => _values.GetOrAdd(key, _ => new Lazy<TValue>(compute)).Value;
}
