using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>
/// The backends that the parity suite runs over; which ones is said in the other part of this class, one per assembly that runs the suite. A backend that
/// this build knows but this machine cannot run belongs in <see cref="LeftOut"/>, with the reason: it is then reported by name, never silently skipped.
/// </summary>
public static partial class BackendRegistry
{
    /// <summary>The CUDA kernels, on a GPU or emulated.</summary>
    public const string NativeName = "native";

    private static readonly Lazy<LongSeqContext> ReferenceContext = new(() => LongSeqContext.Create(Backend.Reference));

    /// <summary>The names of the backends under test.</summary>
    public static IEnumerable<string> Present => Contexts.Keys.Where(name => LeftOut.All(left => left.Name != name));

    /// <summary>The specification.</summary>
    public static LongSeqContext Reference => ReferenceContext.Value;

    /// <summary>One context per backend, shared by all tests.</summary>
    public static LongSeqContext Context(string backend) => Contexts[backend].Value;

    /// <summary>Backend times storage type, for fixtures <c>Parity&lt;T&gt;(string backend)</c>.</summary>
    public static IEnumerable<TestFixtureData> BackendsAndElements =>
        from backend in Present
        from element in new[] { typeof(float), typeof(BFloat16), typeof(Half) }
        select new TestFixtureData(element, backend);

    /// <summary>Backends, for fixtures of operations that are fp32 only.</summary>
    public static IEnumerable<TestFixtureData> Backends => from backend in Present select new TestFixtureData(backend);

    internal static void DisposeAll()
    {
        foreach (Lazy<LongSeqContext> context in Contexts.Values.Append(ReferenceContext).Where(c => c.IsValueCreated))
        {
            context.Value.Dispose();
        }
    }
}
