namespace LongSeqKernels;

/// <summary>
/// Cuts a cross attention into cells, splits and tasks of about equal cost: a batch of many short users as well as one long user.
/// </summary>
/// <remarks>
/// One long history is split over its keys, because rows alone would leave its keys to be read several times; short histories (cached
/// summaries) are split over heads and tiles of rows, which needs no merge. A single tile reads its keys once, and faster in order than head by head: it is
/// split over its keys too, as soon as every thread finds enough of them. A task is never planned below 20 microseconds: waking a thread costs about a
/// quarter of that. More tasks than threads let a thread that was held up by another process be helped out.
/// </remarks>
internal sealed class AttentionPartition
{
    private const double TaskNanoseconds = 20_000;
    private const int TasksPerThread = 4;

    /// <summary>Queries and running values of the units that share a block of keys: half of a typical second-level cache.</summary>
    private const long StateBytes = 512 * 1024;

    /// <summary>Histories up to this length are read again for every tile of rows: they stay in the caches.</summary>
    private const long ShortKeys = 4096;

    /// <summary>Below this a split's merge is no longer small beside its work.</summary>
    private const long MinSplitKeys = 256;

    /// <summary>The same for the thin kernel, whose states are small.</summary>
    private const long MinThinSplitKeys = 128;

    /// <summary>A history that is shorter is one piece, whatever the kernel.</summary>
    private const long MinSplitHistory = 2 * MinSplitKeys;

    /// <summary>Longest run of keys that is summed into one state: bounds the rounding error of long histories.</summary>
    internal const long MaxRunKeys = 65_536;

    /// <summary>Most rows per head that are walked with vectors along the head width.</summary>
    internal const int MaxThinRows = 4;

    private readonly CrossAttentionShape _shape;
    private readonly int _threads;
    private readonly SimdLevel _simd;
    private readonly List<AttentionCell> _cells = [];
    private readonly int _rowsPerTarget;
    private long _slots;

    private AttentionPartition(CrossAttentionShape shape, SimdLevel simd, int threads)
    {
        _shape = shape;
        _threads = threads;
        _simd = simd;
        _rowsPerTarget = shape.QueriesPerTarget * (shape.Heads / shape.KeyValueHeads);
    }

    /// <summary>Floating point operations per nanosecond of one core, as a guide to sizes.</summary>
    private double Rate => _simd switch
    {
        SimdLevel.Vector512 => 200,
        SimdLevel.Vector256 => 100,
        _ => 50,
    };

    /// <summary>Makes the plan of a shape.</summary>
    public static ManagedCrossAttentionPlan Plan(CrossAttentionShape shape, SimdLevel simd, int threads) =>
        new AttentionPartition(shape, simd, threads).Plan();

    private ManagedCrossAttentionPlan Plan()
    {
        double total = 0;
        for (int segment = 0; segment < _shape.Targets.Count; segment++)
        {
            total += Cost(Rows(segment), _shape.KeyValueHeads, VisibleKeys(segment, 0, _shape.Targets.Length(segment)));
        }
        double taskCost = _threads == 1 ? double.PositiveInfinity : Math.Max(TaskNanoseconds, total / (_threads * TasksPerThread));
        for (int segment = 0; segment < _shape.Targets.Count; segment++)
        {
            if (Rows(segment) > 0)
            {
                AddSegment(segment, taskCost);
            }
        }
        var items = new List<(int Cell, int Split)>();
        var taskStarts = new List<int> { 0 };
        double cost = 0;
        for (int i = 0; i < _cells.Count; i++)
        {
            double splitCost = Cost(_cells[i].Rows, _cells[i].Heads, _cells[i].Keys) / _cells[i].Splits;
            for (int split = 0; split < _cells[i].Splits; split++)
            {
                if (cost > 0 && cost + (splitCost / 2) > taskCost)
                {
                    taskStarts.Add(items.Count);
                    cost = 0;
                }
                items.Add((i, split));
                cost += splitCost;
            }
        }
        if (items.Count > 0)
        {
            taskStarts.Add(items.Count);
        }
        return new ManagedCrossAttentionPlan(_cells.ToArray(), items.ToArray(), taskStarts.ToArray(), _slots, _threads, SimdLevels.Name(_simd));
    }

    private long Rows(int segment) => _shape.Targets.Length(segment) * _rowsPerTarget;

    /// <summary>Keys that at least one of these targets of a segment sees.</summary>
    private long VisibleKeys(int segment, long firstTarget, long targets)
    {
        if (_shape.HistoryLimits.IsEmpty)
        {
            return targets == 0 ? 0 : _shape.History.Length(segment);
        }
        long visible = 0;
        for (long target = firstTarget; target < firstTarget + targets; target++)
        {
            visible = Math.Max(visible, _shape.VisibleHistory(segment, _shape.Targets.Start(segment) + target));
        }
        return visible;
    }

    /// <summary>Estimated nanoseconds on one core.</summary>
    private double Cost(long rows, int heads, long keys)
    {
        double width = _shape.HeadWidth;
        if (IsThin(rows))
        {
            return heads * (keys * Math.Max(width * 8 / 20, rows * width * 16 / Rate) + 100);
        }
        double lanes = Math.Max(16, (rows + 15) / 16 * 16);
        return heads * lanes * ((keys * ((4 * width) + 40)) + (16 * width)) / Rate;
    }

    private bool IsThin(long rows) => IsThin(rows, _shape.HeadWidth);

    /// <summary>Whether so few rows per head are best served with vectors along the head width.</summary>
    internal static bool IsThin(long rows, int headWidth) => rows <= MaxThinRows && headWidth % 16 == 0;

    private void AddSegment(int segment, double taskCost)
    {
        long rows = Rows(segment);
        long keys = VisibleKeys(segment, 0, _shape.Targets.Length(segment));
        int heads = _shape.KeyValueHeads;
        int tasks = (int)Math.Clamp(Math.Round(Cost(rows, heads, keys) / taskCost), 1, _threads * TasksPerThread);
        if (IsThin(rows))
        {
            int splits = keys < MinSplitHistory ? 1 : AsManyForEveryThread((int)Math.Clamp(keys / MinThinSplitKeys, 1, tasks));
            AddCells(segment, AttentionKernel.Thin, Groups(heads, tasks / splits), heads, (int)rows, (int)rows, splits);
            return;
        }
        int tiles = (int)((rows + AttentionCell.TileRows - 1) / AttentionCell.TileRows);
        long unitBytes = 2L * sizeof(float) * AttentionCell.LanesFor((int)Math.Min(rows, AttentionCell.TileRows)) * _shape.HeadWidth;
        int fittingUnits = (int)Math.Clamp(StateBytes / unitBytes, 1, int.MaxValue);
        bool inOrder = keys > ShortKeys || (tiles == 1 && keys >= MinSplitKeys * Math.Min(tasks, _threads));
        if (!inOrder)
        {
            int headsPerCell = Groups(heads, tasks);
            int headCells = (heads + headsPerCell - 1) / headsPerCell;
            int tilesPerCell = Groups(tiles, (tasks + headCells - 1) / headCells);
            int cells = headCells * ((tiles + tilesPerCell - 1) / tilesPerCell);
            bool readsAgain = keys <= ShortKeys / 4 && _shape.HistoryEncoding is null; // rows that must be decoded are read once for all tiles
            int tilesTogether = readsAgain ? 1 : Math.Min(tilesPerCell, fittingUnits);
            AddCells(segment, AttentionKernel.Lanes, headsPerCell, 1, tilesPerCell * AttentionCell.TileRows, tilesTogether, Splits(tasks / cells, keys));
            return;
        }
        int longHeads = Math.Min(heads, 2 * fittingUnits);
        int together = Math.Clamp(fittingUnits / longHeads, 1, tiles);
        int longCells = ((heads + longHeads - 1) / longHeads) * ((tiles + together - 1) / together);
        int keySplits = AsManyForEveryThread(Splits((tasks + longCells - 1) / longCells, keys));
        AddCells(segment, AttentionKernel.Lanes, longHeads, longHeads, together * AttentionCell.TileRows, together, keySplits);
    }

    /// <summary>How many of <paramref name="count"/> things each of <paramref name="groups"/> groups gets.</summary>
    private static int Groups(int count, int groups) => (count + Math.Clamp(groups, 1, count) - 1) / Math.Clamp(groups, 1, count);

    private int AsManyForEveryThread(int splits) => splits - (splits > _threads ? splits % _threads : 0);

    private static int Splits(int tasks, long keys) => (int)Math.Clamp(keys / MinSplitKeys, 1, Math.Max(1, tasks));

    private void AddCells(int segment, AttentionKernel kernel, int headsPerCell, int headsTogether, int rowsPerCell, int tilesTogether, int splits)
    {
        long rows = Rows(segment);
        for (int head = 0; head < _shape.KeyValueHeads; head += headsPerCell)
        {
            for (long row = 0; row < rows; row += rowsPerCell)
            {
                int cellRows = (int)Math.Min(rowsPerCell, rows - row);
                long firstTarget = row / _rowsPerTarget;
                long keys = VisibleKeys(segment, firstTarget, ((row + cellRows - 1) / _rowsPerTarget) - firstTarget + 1);
                int heads = Math.Min(headsPerCell, _shape.KeyValueHeads - head);
                var cell = new AttentionCell
                {
                    Kernel = kernel,
                    Segment = segment,
                    FirstHead = head,
                    Heads = heads,
                    FirstRow = row,
                    Rows = cellRows,
                    Keys = keys,
                    HeadWidth = _shape.HeadWidth,
                    KeyBlock = KeyBlock(kernel, cellRows, keys),
                    FetchKeys = FetchKeys(heads),
                    HeadsTogether = Math.Min(headsTogether, heads),
                    TilesTogether = tilesTogether,
                    Splits = keys < MinSplitHistory ? 1 : splits,
                    FirstSlot = -1,
                };
                cell = cell with { TilesTogether = Math.Min(cell.TilesTogether, cell.Tiles) };
                if (cell.Splits > 1 || keys > MaxRunKeys)
                {
                    cell = cell with { FirstSlot = _slots };
                    _slots += cell.Splits * cell.SlotFloats;
                }
                _cells.Add(cell);
            }
        }
    }

    /// <summary>Keys of a block: their scores stay in the first-level cache.</summary>
    private static int KeyBlock(AttentionKernel kernel, int rows, long keys)
    {
        if (kernel == AttentionKernel.Thin)
        {
            return 256;
        }
        int block = rows <= 16 ? 64 : 96;
        return (int)Math.Clamp((keys + 5) / 6 * 6, 6, block);
    }

    /// <summary>So many keys of all heads that they take 16 KB: a third of a first-level cache, and enough calls of the kernel to hide a miss.</summary>
    private int FetchKeys(int heads) => (int)Math.Clamp(4096 / ((long)heads * _shape.HeadWidth) / 16 * 16, 16, 128);
}
