using System.Numerics.Tensors;

namespace LongSeqKernels;

/// <inheritdoc cref="SketchAttentionKernels"/>
internal sealed unsafe partial class SketchAttentionKernels<TSimd, TVector>(WorkerPool pool, ScratchPool scratch) : SketchAttentionKernels
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public override void Forward<T>(
        SketchAttentionShape shape,
        ReadOnlySpan<T> prototypes,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        Span<T> sketch,
        Span<float> tokenLogSumExp,
        Span<float> mass)
    {
        var blocks = new SketchBlocks(shape);
        var panels = new Panels(blocks.KeyWidth, blocks.Prototypes);
        long slotFloats = ((long)blocks.Prototypes * blocks.ValueLanes) + blocks.ScoreLanes;
        int mostPieces = blocks.Pieces(shape.History.MaxLength, slotFloats).Count;
        long threadFloats = blocks.ScoreBlock + blocks.KeyBlock + blocks.ValueBlock + (2 * AlignedBuffer.AlignedFloats(blocks.BlockRows));
        using AlignedBuffer buffer = scratch.Rent(
            sizeof(float) * (panels.Floats + blocks.ValueLanes + (mostPieces * slotFloats) + (pool.ThreadsFor(mostPieces) * threadFloats)));
        var carver = new Carver(buffer.Floats);
        float* packed = carver.Take(panels.Floats);
        float* ones = carver.Take(blocks.ValueLanes);
        float* slots = carver.Take(mostPieces * slotFloats);
        float* threads = carver.Take(0);
        new Span<float>(ones, blocks.ValueLanes).Fill(1f);
        fixed (T* p = prototypes, k = keys, v = values, s = sketch)
        fixed (float* lse = tokenLogSumExp, m = mass)
        {
            PackScaled(p, WeightSide.Transposed, panels, shape.EffectiveScale * SimdMath.Log2E, packed);
            for (int segment = 0; segment < shape.History.Count; segment++)
            {
                long first = shape.History.Start(segment);
                var sum = new SketchSumWork<T>
                {
                    Blocks = blocks,
                    Pieces = blocks.Pieces(shape.History.Length(segment), slotFloats),
                    Panels = panels,
                    Packed = packed,
                    Keys = k + (first * blocks.KeyWidth),
                    Values = v + (first * blocks.ValueWidth),
                    TokenLogSumExp = lse + first,
                    Ones = ones,
                    Slots = slots,
                    SlotFloats = slotFloats,
                    Scratch = threads,
                    ScratchStride = threadFloats,
                };
                pool.Run(ref sum, sum.Pieces.Count);
                var store = new SketchStoreWork<T>
                {
                    Blocks = blocks,
                    Rows = RowPieces.OfElements(blocks.Prototypes, (long)blocks.ValueWidth * Math.Max(1, sum.Pieces.Count)),
                    Slots = slots,
                    SlotFloats = slotFloats,
                    SlotCount = sum.Pieces.Count,
                    Normalization = shape.Normalization,
                    Sketch = s + ((long)segment * blocks.Prototypes * blocks.ValueWidth),
                    Mass = m + ((long)segment * blocks.Prototypes),
                };
                pool.Run(ref store, store.Rows.Count);
            }
        }
    }

    /// <summary>Packs a matrix and multiplies it by a factor.</summary>
    private void PackScaled<T>(T* matrix, WeightSide side, Panels panels, float factor, float* packed)
        where T : unmanaged
    {
        var work = new PackWork<T, TSimd, TVector> { Weight = matrix, Side = side, Panels = panels, Packed = packed };
        pool.Run(ref work, panels.Count);
        var floats = new Span<float>(packed, checked((int)panels.Floats));
        if (factor != 1f)
        {
            TensorPrimitives.Multiply(floats, factor, floats);
        }
    }

    /// <summary>The sums over one piece of a segment's tokens: <c>sum_i A_ji v_i</c>, then the masses <c>sum_i A_ji</c>.</summary>
    private struct SketchSumWork<T> : IParallelWork
        where T : unmanaged
    {
        public SketchBlocks Blocks;
        public RowPieces Pieces;
        public Panels Panels;

        /// <summary>The transposed prototypes, times the scale, in units of log2.</summary>
        public float* Packed;
        public T* Keys;
        public T* Values;
        public float* TokenLogSumExp;
        public float* Ones;
        public float* Slots;
        public long SlotFloats;
        public float* Scratch;
        public long ScratchStride;

        public readonly void Execute(int item, int thread)
        {
            var carver = new Carver(Scratch + (thread * ScratchStride));
            float* scores = carver.Take(Blocks.ScoreBlock);
            float* keyBlock = carver.Take(Blocks.KeyBlock);
            float* valueBlock = carver.Take(Blocks.ValueBlock);
            float* maxima = carver.Take(Blocks.BlockRows);
            float* normalisers = carver.Take(Blocks.BlockRows);
            float* sums = Slots + (item * SlotFloats);
            float* masses = sums + ((long)Blocks.Prototypes * Blocks.ValueLanes);
            new Span<float>(masses, Blocks.ScoreLanes).Clear();
            for (long token = Pieces.Begin(item); token < Pieces.End(item); token += Blocks.BlockRows)
            {
                int rows = (int)Math.Min(Blocks.BlockRows, Pieces.End(item) - token);
                T* keys = Keys + (token * Blocks.KeyWidth);
                T* values = Values + (token * Blocks.ValueWidth);
                long keyElements = (long)rows * Blocks.KeyWidth;
                long valueElements = (long)rows * Blocks.ValueWidth;
                float* keyRows = RowBlocks<T, TSimd, TVector>.AsSingle(
                    keys, Blocks.KeyWidth, rows, Blocks.KeyWidth, keyBlock, Blocks.KeyStride, out int keyStride);
                PanelProduct<TSimd, TVector>.Multiply(
                    rows, keyRows, keyStride, Panels, Packed, scores, Blocks.ScoreStride, keys + keyElements, keyElements * sizeof(T));
                TokenSoftmax<TSimd, TVector>.Powers(scores, Blocks.ScoreStride, rows, Blocks.Prototypes, Blocks.ScoreLanes, maxima, normalisers);
                TokenSoftmax<TSimd, TVector>.Normalise(maxima, normalisers, rows, TokenLogSumExp + token);
                // Values are copied anyway, so they take the normalisers, not the weights.
                RowBlocks<T, TSimd, TVector>.LoadScaled(
                    values, Blocks.ValueWidth, rows, Blocks.ValueWidth, normalisers, valueBlock, Blocks.ValueStride);
                var valuesAhead = new PrefetchPlan((byte*)(values + valueElements), valueElements * sizeof(T), 1);
                long prefetches = Math.Max(1, ColumnTile<TSimd, TVector>.PrefetchSteps(Blocks.Prototypes, rows, Blocks.ValueLanes));
                ColumnTile<TSimd, TVector>.Multiply(
                    Blocks.Prototypes, rows, Blocks.ValueLanes, scores, Blocks.ScoreStride, valueBlock, Blocks.ValueStride, sums, Blocks.ValueLanes,
                    token == Pieces.Begin(item) ? null : Ones, valuesAhead.Of(0), valuesAhead.Step(prefetches));
                TokenSoftmax<TSimd, TVector>.AddWeightedRows(scores, Blocks.ScoreStride, rows, Blocks.ScoreLanes, normalisers, masses);
            }
        }
    }

    /// <summary>Adds a segment's slots in order and stores some rows of its sketch.</summary>
    private struct SketchStoreWork<T> : IParallelWork
        where T : unmanaged
    {
        public SketchBlocks Blocks;
        public RowPieces Rows;
        public float* Slots;
        public long SlotFloats;
        public int SlotCount;
        public SlotNormalization Normalization;
        public T* Sketch;
        public float* Mass;

        public readonly void Execute(int item, int thread)
        {
            for (long row = Rows.Begin(item); row < Rows.End(item); row++)
            {
                T* target = Sketch + (row * Blocks.ValueWidth);
                if (SlotCount == 0)
                {
                    new Span<T>(target, Blocks.ValueWidth).Clear();
                    Mass[row] = 0;
                    continue;
                }
                float* sum = Slots + (row * Blocks.ValueLanes);
                float* mass = Slots + ((long)Blocks.Prototypes * Blocks.ValueLanes) + row;
                for (int slot = 1; slot < SlotCount; slot++)
                {
                    Parameters.Accumulate(sum, sum + (slot * SlotFloats), Blocks.ValueWidth);
                    *mass += mass[slot * SlotFloats];
                }
                Mass[row] = *mass;
                if (Normalization == SlotNormalization.Mass)
                {
                    var sketch = new Span<float>(sum, Blocks.ValueWidth);
                    TensorPrimitives.Divide(sketch, *mass + SketchAttentionShape.MassEpsilon, sketch);
                }
                ElementRows<T>.Narrow(sum, target, Blocks.ValueWidth);
            }
        }
    }
}
