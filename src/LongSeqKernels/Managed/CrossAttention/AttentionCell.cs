namespace LongSeqKernels;

/// <summary>The two shapes of the forward kernel.</summary>
internal enum AttentionKernel
{
    /// <summary>Vectors along the head width, for up to four rows per head: <see cref="ThinKernel{TSimd, TVector, T}"/>, <see cref="ThinQuadKernel{TSimd, TVector, T}"/>.</summary>
    Thin,

    /// <summary>Query rows are the lanes of vectors, 64 to a tile, or 16, 32 or 48 for the rest.</summary>
    Lanes,
}

/// <summary>
/// A rectangle of one segment's work: some key/value heads, some of their query rows, all keys that these rows see. Cells are independent; the keys of
/// one are cut into splits, whose partial states are merged in split order by whichever thread finishes last.
/// </summary>
internal readonly record struct AttentionCell
{
    /// <summary>Rows of a full tile.</summary>
    public const int TileRows = 64;

    /// <summary>Keys of the widest vector of scores: what the thin kernel's keys are cut at, so that a score is summed in one order by every cut.</summary>
    private const int VectorKeys = 16;

    public required AttentionKernel Kernel { get; init; }

    public required int Segment { get; init; }

    /// <summary>First key/value head.</summary>
    public required int FirstHead { get; init; }

    public required int Heads { get; init; }

    /// <summary>First of the rows (target, query, head of the group) that share a key/value head.</summary>
    public required long FirstRow { get; init; }

    public required int Rows { get; init; }

    /// <summary>Keys that at least one of the rows sees.</summary>
    public required long Keys { get; init; }

    public required int HeadWidth { get; init; }

    /// <summary>Keys whose scores are kept at a time.</summary>
    public required int KeyBlock { get; init; }

    /// <summary>Keys that the thin kernel fetches ahead: a multiple of 16.</summary>
    public required int FetchKeys { get; init; }

    /// <summary>Heads whose states are kept while one block of keys passes by.</summary>
    public required int HeadsTogether { get; init; }

    /// <summary>Tiles of a head whose states are kept while one block of keys passes by.</summary>
    public required int TilesTogether { get; init; }

    /// <summary>Pieces that the keys are cut into.</summary>
    public required int Splits { get; init; }

    /// <summary>Where in the workspace the splits' states lie, in floats; -1 when the only split writes its output itself.</summary>
    public required long FirstSlot { get; init; }

    /// <summary>Tiles of a head; rows for the thin kernel.</summary>
    public int Tiles => Kernel == AttentionKernel.Thin ? Rows : (Rows + TileRows - 1) / TileRows;

    /// <summary>States: one for every tile (row) of every head.</summary>
    public int Units => Heads * Tiles;

    /// <summary>States that are kept together.</summary>
    public int UnitsTogether => HeadsTogether * TilesTogether;

    /// <summary>Lanes of the widest tile; 1 for the thin kernel.</summary>
    public int Lanes => Kernel == AttentionKernel.Thin ? 1 : LanesFor(Rows);

    /// <summary>Floats of a state: maximum and sum per lane, then <c>[head width, lanes]</c>.</summary>
    public long UnitFloats => AttentionState.Floats(Lanes, HeadWidth);

    /// <summary>Floats of the states of one split.</summary>
    public long SlotFloats => Units * UnitFloats;

    /// <summary>Floats of scratch memory of a thread at work on this cell.</summary>
    public long ScratchFloats(bool convertsKeys) => new AttentionScratch(this, convertsKeys).Floats;

    /// <summary>Lanes of a tile of so many rows.</summary>
    public static int LanesFor(int rows) => rows >= TileRows ? TileRows : Math.Max(16, (rows + 15) / 16 * 16);

    /// <summary>The keys of one split.</summary>
    public (long Start, long End) KeyRange(int split)
    {
        int piece = Kernel == AttentionKernel.Thin ? VectorKeys : KeyBlock;
        long pieces = (Keys + piece - 1) / piece;
        return (pieces * split / Splits * piece, Math.Min(Keys, pieces * (split + 1) / Splits * piece));
    }
}

/// <summary>Where the parts of a thread's scratch memory lie, in floats; all are aligned to cache lines.</summary>
internal readonly struct AttentionScratch
{
    /// <summary>Lays out the scratch memory of a cell.</summary>
    public AttentionScratch(in AttentionCell cell, bool convertsKeys)
    {
        long width = AlignedBuffer.AlignedFloats(cell.HeadWidth);
        QueryFloats = width * cell.Lanes;
        States = QueryFloats * cell.UnitsTogether;
        Scores = States + (cell.UnitFloats * cell.UnitsTogether);
        ScoreFloats = AlignedBuffer.AlignedFloats((long)cell.KeyBlock * cell.Lanes);
        Factors = Scores + (ScoreFloats * (cell.Kernel == AttentionKernel.Thin ? cell.UnitsTogether : 1));
        Limits = Factors + Math.Max(AttentionCell.TileRows, AlignedBuffer.AlignedFloats(cell.UnitsTogether));
        Rows = Limits + AttentionCell.TileRows;
        Keys = Rows + (width * cell.Lanes);
        KeyFloats = !convertsKeys ? 0 : width * (cell.Kernel == AttentionKernel.Lanes ? cell.KeyBlock : cell.FetchKeys);
        Floats = Keys + (2 * KeyFloats);
    }

    /// <summary>Floats of the queries of one unit; those of all units come first.</summary>
    public long QueryFloats { get; }

    /// <summary>The states of the units.</summary>
    public long States { get; }

    /// <summary>The scores of one block of keys (thin kernel: of every unit).</summary>
    public long Scores { get; }

    /// <summary>Floats of one block of scores.</summary>
    public long ScoreFloats { get; }

    /// <summary>A factor per lane.</summary>
    public long Factors { get; }

    /// <summary>A history limit per lane.</summary>
    public long Limits { get; }

    /// <summary>The rows of one tile as fp32.</summary>
    public long Rows { get; }

    /// <summary>One block of keys and one of values as fp32 (thin kernel: what it fetches at a time, of decoded histories).</summary>
    public long Keys { get; }

    /// <summary>Floats of a block of keys.</summary>
    public long KeyFloats { get; }

    /// <summary>All of it.</summary>
    public long Floats { get; }
}
