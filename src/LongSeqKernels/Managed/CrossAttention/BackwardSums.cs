namespace LongSeqKernels;

/// <summary>Adds the slots of each segment of a wave in key order and stores its query gradient. An item is one part of the rows of one segment.</summary>
internal unsafe struct SumSlotsWork<T> : IParallelWork
    where T : unmanaged
{
    public BackwardPartition Partition;
    public int Wave;
    public CrossAttentionShape Shape;
    public float* Slots;
    public T* QueryGradient;

    /// <summary>The sums of broadcast queries over all segments, <c>[Hkv, rows, dh]</c>; null when every segment has its own.</summary>
    public float* Total;

    /// <summary>Items that share a segment.</summary>
    public int Parts;

    public readonly int Items => Parts * (Total == null ? Partition.Count(Wave) : 1);

    public readonly void Execute(int item, int thread)
    {
        if (Total != null)
        {
            AddToTotal(item);
            return;
        }
        ReadOnlySpan<BackwardUnit> units = Partition.Wave(Wave);
        int first = item / Parts;
        BackwardUnit unit = units[first];
        if (unit.Slot < 0 || unit.FirstKey != 0)
        {
            return;
        }
        (long begin, long end) = Range(BackwardPartition.SlotFloats(Shape, unit.Segment), item % Parts);
        float* sum = Slots + unit.Slot;
        for (int i = first + 1; i < units.Length && units[i].Segment == unit.Segment; i++)
        {
            Parameters.Accumulate(sum + begin, Slots + units[i].Slot + begin, (int)(end - begin));
        }
        StoreRows(sum, begin, end, unit.Segment);
    }

    /// <summary>Stores whole rows of <c>[Hkv, rows, dh]</c> at their place in the query gradient.</summary>
    public readonly void StoreRows(float* sum, long begin, long end, int segment)
    {
        int width = Shape.HeadWidth;
        int group = Shape.Heads / Shape.KeyValueHeads;
        long rowsPerHead = Shape.Targets.Length(segment) * Shape.QueriesPerTarget * group;
        long firstRow = Shape.BroadcastQueries ? 0 : Shape.Targets.Start(segment) * Shape.QueriesPerTarget * Shape.Heads;
        for (long slotRow = begin / width; slotRow < end / width; slotRow++)
        {
            long head = slotRow / rowsPerHead;
            long row = slotRow % rowsPerHead;
            long index = firstRow + (row / group * Shape.Heads) + (head * group) + (row % group);
            ElementRows<T>.Narrow(sum + (slotRow * width), QueryGradient + (index * width), width);
        }
    }

    private readonly void AddToTotal(int part)
    {
        (long begin, long end) = Range(BackwardPartition.SlotFloats(Shape, 0), part);
        foreach (BackwardUnit unit in Partition.Wave(Wave))
        {
            if (unit.Slot >= 0)
            {
                Parameters.Accumulate(Total + begin, Slots + unit.Slot + begin, (int)(end - begin));
            }
        }
    }

    /// <summary>A part of so many floats, in whole rows.</summary>
    private readonly (long Begin, long End) Range(long floats, int part)
    {
        long rows = floats / Shape.HeadWidth;
        return (rows * part / Parts * Shape.HeadWidth, rows * (part + 1) / Parts * Shape.HeadWidth);
    }
}
