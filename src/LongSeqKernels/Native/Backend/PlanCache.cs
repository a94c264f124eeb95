namespace LongSeqKernels.Native;

/// <summary>
/// The plans of operations that have no plan in the public API, by shape: the last few shapes that were run. Keys are record structs; a
/// <see cref="JaggedLayout"/> in them is told apart by reference, as it is immutable.
/// </summary>
internal sealed class PlanCache : IDisposable
{
    /// <summary>A model has a handful of shapes per batch, forward and backward.</summary>
    private const int MostPlans = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<(Type, object), LinkedListNode<((Type, object) Key, NativePlan Plan)>> _byKey = [];
    private readonly LinkedList<((Type, object) Key, NativePlan Plan)> _byAge = [];

    /// <summary>The plan of a shape, made if there is none. A plan that is dropped from the cache lives on while somebody runs it.</summary>
    public TPlan Get<TKey, TPlan>(TKey key, Func<TKey, TPlan> make)
        where TKey : struct
        where TPlan : NativePlan
    {
        var full = (typeof(TPlan), (object)key);
        lock (_lock)
        {
            if (_byKey.TryGetValue(full, out LinkedListNode<((Type, object) Key, NativePlan Plan)>? node))
            {
                _byAge.Remove(node);
                _byAge.AddLast(node);
                return (TPlan)node.Value.Plan;
            }
            TPlan plan = make(key);
            _byKey[full] = _byAge.AddLast((full, plan));
            if (_byAge.Count > MostPlans)
            {
                // Not disposed: another thread may be about to run it. Its handle is finalized.
                _byKey.Remove(_byAge.First!.Value.Key);
                _byAge.RemoveFirst();
            }
            return plan;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach ((_, NativePlan plan) in _byAge)
            {
                plan.Dispose();
            }
            _byAge.Clear();
            _byKey.Clear();
        }
    }
}
