namespace LongSeqKernels;

/// <summary>A weight <c>[in, out]</c> by panels of 64 columns: packed, or where it lies, which serves products of few rows.</summary>
internal readonly unsafe struct WeightPanels
{
    /// <summary>Rows up to which packing costs more than it saves: each panel is read only once for every six of them.</summary>
    private const int MostRowsInPlace = 24;

    private readonly float* _weight;
    private readonly Panels _panels;
    private readonly bool _inPlace;

    private WeightPanels(float* weight, Panels panels, bool inPlace)
    {
        _weight = weight;
        _panels = panels;
        _inPlace = inPlace;
    }

    /// <summary>Whether a product of so many rows reads the weight where it lies: an fp32 weight whose columns are whole vectors of 16.</summary>
    public static bool IsInPlace<T>(int rows, Panels panels) =>
        typeof(T) == typeof(float) && rows <= MostRowsInPlace && panels.Width == panels.PaddedWidth;

    public static WeightPanels Packed(float* packed, Panels panels) => new(packed, panels, false);

    public static WeightPanels InPlace(float* weight, Panels panels) => new(weight, panels, true);

    /// <summary>The first element of a panel.</summary>
    public float* this[int panel] => _weight + (_inPlace ? (long)panel * Panels.Lanes : _panels.Offset(panel));

    /// <summary>Floats from a row of a panel to the next.</summary>
    public int Stride(int panel) => _inPlace ? _panels.Width : _panels.LanesOf(panel);
}
