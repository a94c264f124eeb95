namespace LongSeqKernels;

/// <summary>
/// The sums over rows of the gated FFN's backward, <c>dW_u = x^T du</c>, <c>dW_v = x^T dg</c>, <c>dW_o = h^T dp</c> and the bias gradients, continued
/// from one run of rows to the next. Items are tiles of the three products.
/// </summary>
internal unsafe struct GatedFfnProductsWork<TSimd, TVector> : IParallelWork
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public OuterProductWork<float, TSimd, TVector> Up;
    public OuterProductWork<float, TSimd, TVector> Gate;
    public OuterProductWork<float, TSimd, TVector> Down;
    public bool SkipUp;
    public bool SkipGate;
    public bool SkipDown;
    public float* Sums;

    private readonly GatedFfnShape _shape;
    private readonly int _wantedItems;
    private readonly bool _onlyUpBias;
    private readonly bool _onlyGateBias;
    private readonly bool _onlyDownBias;

    /// <param name="shape">Rows are ignored: every run has its own.</param>
    /// <param name="wantedItems">Items of each product that keep all threads busy.</param>
    /// <param name="onlyUpBias">Whether the gradient of W_u is not wanted.</param>
    /// <param name="onlyGateBias">Whether the gradient of W_v is not wanted.</param>
    /// <param name="onlyDownBias">Whether the gradient of W_o is not wanted.</param>
    public GatedFfnProductsWork(GatedFfnShape shape, int wantedItems, bool onlyUpBias, bool onlyGateBias, bool onlyDownBias)
    {
        _shape = shape;
        _wantedItems = wantedItems;
        _onlyUpBias = onlyUpBias;
        _onlyGateBias = onlyGateBias;
        _onlyDownBias = onlyDownBias;
        Shape(0);
    }

    public readonly int Items => UpItems + GateItems + DownItems;

    /// <summary>Floats of all sums, and of the ones that continue them.</summary>
    public readonly long Floats => Up.Shape.SumFloats + Gate.Shape.SumFloats + Down.Shape.SumFloats + WidestTile;

    /// <summary>Floats of scratch of one thread.</summary>
    public readonly long ScratchFloats => Math.Max(Up.Shape.ScratchFloats, Math.Max(Gate.Shape.ScratchFloats, Down.Shape.ScratchFloats));

    private readonly int UpItems => SkipUp ? 0 : Up.Items;

    private readonly int GateItems => SkipGate ? 0 : Gate.Items;

    private readonly int DownItems => SkipDown ? 0 : Down.Items;

    private readonly int WidestTile => Math.Max(Up.Shape.TileWidth, Math.Max(Gate.Shape.TileWidth, Down.Shape.TileWidth));

    /// <summary>Lays out the sums, which are zero until the first run.</summary>
    public void Prepare(float* scratch)
    {
        new Span<float>(Sums, checked((int)Floats)).Clear();
        Up.Sums = Sums;
        Gate.Sums = Up.Sums + Up.Shape.SumFloats;
        Down.Sums = Gate.Sums + Gate.Shape.SumFloats;
        float* ones = Down.Sums + Down.Shape.SumFloats;
        new Span<float>(ones, WidestTile).Fill(1f);
        Up.Ones = Gate.Ones = Down.Ones = ones;
        Up.Scratch = Gate.Scratch = Down.Scratch = scratch;
        Up.ScratchStride = Gate.ScratchStride = Down.ScratchStride = ScratchFloats;
    }

    /// <summary>Points the products at a run of rows.</summary>
    public void Begin(
        int rows,
        float* input,
        int strideInput,
        float* upGradient,
        float* gateGradient,
        float* hidden,
        int strideHidden,
        float* productGradient,
        int strideOutput,
        OutputMode mode)
    {
        Shape(rows);
        Up.A = _onlyUpBias ? null : input;
        Gate.A = _onlyGateBias ? null : input;
        Down.A = _onlyDownBias ? null : hidden;
        Up.InPlace = Gate.InPlace = Panels.IsStride(strideInput);
        Down.InPlace = true;
        Up.StrideA = Gate.StrideA = strideInput;
        Down.StrideA = Up.StrideP = Gate.StrideP = strideHidden;
        Up.P = upGradient;
        Gate.P = gateGradient;
        Down.P = productGradient;
        Down.StrideP = strideOutput;
        Up.Mode = Gate.Mode = Down.Mode = mode;
    }

    public readonly void Execute(int item, int thread)
    {
        if (item < UpItems)
        {
            Up.Execute(item, thread);
        }
        else if (item < UpItems + GateItems)
        {
            Gate.Execute(item - UpItems, thread);
        }
        else
        {
            Down.Execute(item - UpItems - GateItems, thread);
        }
    }

    private void Shape(int rows)
    {
        Up.Shape = new OuterProducts(rows, _onlyUpBias ? 1 : _shape.Width, _shape.HiddenWidth, _wantedItems, RowSplit.Whole);
        Gate.Shape = new OuterProducts(rows, _onlyGateBias ? 1 : _shape.Width, _shape.HiddenWidth, _wantedItems, RowSplit.Whole);
        Down.Shape = new OuterProducts(rows, _onlyDownBias ? 1 : _shape.HiddenWidth, _shape.Width, _wantedItems, RowSplit.Whole);
    }
}
