using System.Runtime.InteropServices;

namespace LongSeqKernels;

/// <summary>A run of keys of one segment, with all its heads and rows: what one thread walks back at a time.</summary>
/// <param name="Segment">The segment.</param>
/// <param name="FirstKey">First key of the run, counted from the segment's first.</param>
/// <param name="EndKey">The key after the last.</param>
/// <param name="Slot">Where in the workspace its part of the query gradient lies, in floats; -1 when it writes the query gradient itself.</param>
internal readonly record struct BackwardUnit(int Segment, long FirstKey, long EndKey, long Slot);

/// <summary>
/// Cuts the backward of a cross attention into units by its shape and the number of threads, and the units into waves whose parts of the query gradient
/// fit a bounded workspace.
/// Keys are cut, rows are not: the gradients of a key are then written once, and only the query gradient is a sum over units.
/// </summary>
internal sealed class BackwardPartition
{
    /// <summary>Units that even out what else runs on the machine; a batch of few segments is cut along its keys to have as many.</summary>
    private const int UnitsPerThread = 4;

    /// <summary>Keys per unit that keep the sum of its part of the query gradient small beside its other work.</summary>
    private const long LeastKeys = 256;

    /// <summary>Units begin at whole vectors of keys: the products of keys that fill no vector are summed in another order, also by the forward.</summary>
    private const long KeyGroup = 16;

    /// <summary>Bytes of a wave's parts of the query gradient, unless one unit needs more.</summary>
    private const long WaveBytes = 64 << 20;

    private readonly List<BackwardUnit> _units = [];
    private readonly List<int> _waveStarts = [0];

    public BackwardPartition(CrossAttentionShape shape, int threads)
    {
        int wanted = threads == 1 ? 1 : UnitsPerThread * threads;
        double total = 0;
        for (int segment = 0; segment < shape.Targets.Count; segment++)
        {
            total += Cost(shape, segment);
        }
        long used = 0;
        for (int segment = 0; segment < shape.Targets.Count; segment++)
        {
            long keys = shape.History.Length(segment);
            long slotFloats = SlotFloats(shape, segment);
            long splits = Math.Clamp((long)Math.Ceiling(wanted * Cost(shape, segment) / total), 1, Math.Max(1, keys / LeastKeys));
            splits = Math.Clamp(splits, 1, Math.Max(1, WaveBytes / sizeof(float) / Math.Max(1, slotFloats)));
            bool needsSlot = slotFloats > 0 && (splits > 1 || shape.BroadcastQueries);
            long runKeys = Math.Max(1, (keys + splits - 1) / splits);
            runKeys = (runKeys + KeyGroup - 1) / KeyGroup * KeyGroup;
            long needed = needsSlot ? splits * slotFloats : 0;
            if (used > 0 && used + needed > WaveBytes / sizeof(float))
            {
                _waveStarts.Add(_units.Count);
                used = 0;
            }
            for (long first = 0; first == 0 || first < keys; first += runKeys)
            {
                _units.Add(new BackwardUnit(segment, first, Math.Min(keys, first + runKeys), needsSlot ? used : -1));
                used += needsSlot ? slotFloats : 0;
            }
            SlotsFloats = Math.Max(SlotsFloats, used);
        }
        _waveStarts.Add(_units.Count);
    }

    /// <summary>Units that run before the next wave reuses their slots.</summary>
    public int Waves => _waveStarts.Count - 1;

    /// <summary>Floats of the slots of the largest wave.</summary>
    public long SlotsFloats { get; }

    /// <summary>Floats of one unit's part of the query gradient: <c>[Hkv, rows of a head, dh]</c>.</summary>
    public static long SlotFloats(CrossAttentionShape shape, int segment) => shape.Targets.Length(segment) * shape.TargetWidth;

    /// <summary>The units of a wave; those of a segment follow each other in key order and are never parted.</summary>
    public ReadOnlySpan<BackwardUnit> Wave(int wave) =>
        CollectionsMarshal.AsSpan(_units)[_waveStarts[wave].._waveStarts[wave + 1]];

    /// <summary>One unit of a wave.</summary>
    public BackwardUnit Unit(int wave, int index) => _units[_waveStarts[wave] + index];

    /// <summary>Units of a wave.</summary>
    public int Count(int wave) => _waveStarts[wave + 1] - _waveStarts[wave];

    /// <summary>Proportional to the time of a segment.</summary>
    private static double Cost(CrossAttentionShape shape, int segment) =>
        (Math.Max(16, shape.Targets.Length(segment)) * (double)shape.TargetWidth * shape.History.Length(segment)) + 1;
}
