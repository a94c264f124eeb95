using System.Numerics.Tensors;

namespace LongSeqKernels;

// Gradients of sketch attention.
internal sealed unsafe partial class SketchAttentionKernels<TSimd, TVector>
{
    public override void Backward<T>(
        SketchAttentionShape shape,
        ReadOnlySpan<T> prototypes,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        ReadOnlySpan<T> sketch,
        ReadOnlySpan<float> tokenLogSumExp,
        ReadOnlySpan<float> mass,
        ReadOnlySpan<T> sketchGradient,
        Span<T> prototypeGradient,
        Span<T> keyGradient,
        Span<T> valueGradient)
    {
        var blocks = new SketchBlocks(shape);
        var panels = new SketchPanels(blocks);
        long slotFloats = (long)blocks.Prototypes * blocks.KeyLanes;
        int mostPieces = blocks.Pieces(shape.History.MaxLength, slotFloats).Count;
        long threadFloats = (2 * (blocks.ScoreBlock + blocks.KeyBlock)) + blocks.ValueBlock;
        long gradientFloats = AlignedBuffer.AlignedFloats((long)blocks.Prototypes * blocks.ValueWidth);
        long fixedFloats = panels.Floats + gradientFloats + blocks.ScoreLanes + blocks.KeyLanes + slotFloats;
        using AlignedBuffer buffer = scratch.Rent(
            sizeof(float) * (fixedFloats + (mostPieces * slotFloats) + (pool.ThreadsFor(mostPieces) * threadFloats)));
        var carver = new Carver(buffer.Floats);
        panels.Carve(ref carver);
        float* sumGradients = carver.Take(gradientFloats);
        float* massGradients = carver.Take(blocks.ScoreLanes);
        float* ones = carver.Take(blocks.KeyLanes);
        float* prototypeSums = carver.Take(slotFloats);
        float* slots = carver.Take(mostPieces * slotFloats);
        float* threads = carver.Take(0);
        new Span<float>(ones, blocks.KeyLanes).Fill(1f);
        new Span<float>(prototypeSums, checked((int)slotFloats)).Clear();
        fixed (T* p = prototypes, k = keys, v = values, s = sketch, ds = sketchGradient, dp = prototypeGradient, dk = keyGradient, dv = valueGradient)
        fixed (float* lse = tokenLogSumExp, m = mass)
        {
            PackScaled(p, WeightSide.Transposed, panels.PrototypeColumns, shape.EffectiveScale * SimdMath.Log2E, panels.PackedPrototypeColumns);
            PackScaled(p, WeightSide.Stored, panels.PrototypeRows, 1f, panels.PackedPrototypeRows);
            for (int segment = 0; segment < shape.History.Count; segment++)
            {
                long first = shape.History.Start(segment);
                long sketchStart = (long)segment * blocks.Prototypes * blocks.ValueWidth;
                SumGradients(blocks, shape.Normalization, s + sketchStart, m + ((long)segment * blocks.Prototypes), ds + sketchStart, sumGradients, massGradients);
                PackScaled(sumGradients, WeightSide.Transposed, panels.GradientColumns, 1f, panels.PackedGradientColumns);
                PackScaled(sumGradients, WeightSide.Stored, panels.GradientRows, 1f, panels.PackedGradientRows);
                var work = new SketchBackwardWork<T>
                {
                    Blocks = blocks,
                    Pieces = blocks.Pieces(shape.History.Length(segment), slotFloats),
                    Panels = panels,
                    Scale = shape.EffectiveScale,
                    Keys = k + (first * blocks.KeyWidth),
                    Values = v + (first * blocks.ValueWidth),
                    TokenLogSumExp = lse + first,
                    MassGradients = massGradients,
                    KeyGradient = dk + (first * blocks.KeyWidth),
                    ValueGradient = dv + (first * blocks.ValueWidth),
                    Ones = ones,
                    Slots = slots,
                    SlotFloats = slotFloats,
                    Scratch = threads,
                    ScratchStride = threadFloats,
                };
                pool.Run(ref work, work.Pieces.Count);
                for (int slot = 0; slot < work.Pieces.Count; slot++)
                {
                    Parameters.Accumulate(prototypeSums, slots + (slot * slotFloats), checked((int)slotFloats));
                }
            }
            RowBlocks<T, TSimd, TVector>.Store(prototypeSums, blocks.KeyLanes, blocks.Prototypes, blocks.KeyWidth, dp, blocks.KeyWidth);
        }
    }

    /// <summary>
    /// The gradients of a segment's sums over tokens, and of its masses. Of <c>sketch = sum / (mass + epsilon)</c> they are <c>G / (mass + epsilon)</c>
    /// and <c>-(G . sketch) / (mass + epsilon)</c>; without normalisation G and 0.
    /// </summary>
    private static void SumGradients<T>(
        SketchBlocks blocks, SlotNormalization normalization, T* sketch, float* mass, T* sketchGradient, float* sumGradients, float* massGradients)
        where T : unmanaged
    {
        int width = blocks.ValueWidth;
        ElementRows<T>.Widen(sketchGradient, sumGradients, checked(blocks.Prototypes * width));
        new Span<float>(massGradients, blocks.ScoreLanes).Clear();
        for (int j = 0; j < blocks.Prototypes && normalization == SlotNormalization.Mass; j++)
        {
            var gradient = new Span<float>(sumGradients + ((long)j * width), width);
            float product = 0;
            for (int i = 0; i < width; i++)
            {
                product += gradient[i] * Element<T>.ToSingle(sketch[((long)j * width) + i]);
            }
            float divisor = mass[j] + SketchAttentionShape.MassEpsilon;
            massGradients[j] = -product / divisor;
            TensorPrimitives.Divide(gradient, divisor, gradient);
        }
    }

    /// <summary>The four packed matrices that blocks of tokens are multiplied with.</summary>
    private struct SketchPanels(SketchBlocks blocks)
    {
        /// <summary>The prototypes as columns: scores from keys.</summary>
        public Panels PrototypeColumns = new(blocks.KeyWidth, blocks.Prototypes);

        /// <summary>The prototypes as rows: gradients of keys.</summary>
        public Panels PrototypeRows = new(blocks.Prototypes, blocks.KeyWidth);

        /// <summary>The sketch's gradient, prototypes as columns: gradients of weights from values.</summary>
        public Panels GradientColumns = new(blocks.ValueWidth, blocks.Prototypes);

        /// <summary>The sketch's gradient, prototypes as rows: gradients of values.</summary>
        public Panels GradientRows = new(blocks.Prototypes, blocks.ValueWidth);

        public float* PackedPrototypeColumns;
        public float* PackedPrototypeRows;
        public float* PackedGradientColumns;
        public float* PackedGradientRows;

        public readonly long Floats => PrototypeColumns.Floats + PrototypeRows.Floats + GradientColumns.Floats + GradientRows.Floats;

        public void Carve(ref Carver carver)
        {
            PackedPrototypeColumns = carver.Take(PrototypeColumns.Floats);
            PackedPrototypeRows = carver.Take(PrototypeRows.Floats);
            PackedGradientColumns = carver.Take(GradientColumns.Floats);
            PackedGradientRows = carver.Take(GradientRows.Floats);
        }
    }

    /// <summary>
    /// For one piece of a segment's tokens: <c>dv = A^T G</c>, <c>dS = A * (dA - sum A dA) * scale</c> with <c>dA = G v + mass gradient</c>,
    /// <c>dk = dS^T P</c> and the sum <c>dP = dS K</c>.
    /// </summary>
    private struct SketchBackwardWork<T> : IParallelWork
        where T : unmanaged
    {
        public SketchBlocks Blocks;
        public RowPieces Pieces;
        public SketchPanels Panels;
        public float Scale;
        public T* Keys;
        public T* Values;
        public float* TokenLogSumExp;
        public float* MassGradients;
        public T* KeyGradient;
        public T* ValueGradient;
        public float* Ones;
        public float* Slots;
        public long SlotFloats;
        public float* Scratch;
        public long ScratchStride;

        public readonly void Execute(int item, int thread)
        {
            var carver = new Carver(Scratch + (thread * ScratchStride));
            float* weights = carver.Take(Blocks.ScoreBlock);
            float* gradients = carver.Take(Blocks.ScoreBlock);
            float* keyBlock = carver.Take(Blocks.KeyBlock);
            float* keyGradientBlock = carver.Take(Blocks.KeyBlock);
            float* valueBlock = carver.Take(Blocks.ValueBlock);
            for (long token = Pieces.Begin(item); token < Pieces.End(item); token += Blocks.BlockRows)
            {
                int rows = (int)Math.Min(Blocks.BlockRows, Pieces.End(item) - token);
                T* keys = Keys + (token * Blocks.KeyWidth);
                T* values = Values + (token * Blocks.ValueWidth);
                T* keyGradients = KeyGradient + (token * Blocks.KeyWidth);
                T* valueGradients = ValueGradient + (token * Blocks.ValueWidth);
                long keyElements = (long)rows * Blocks.KeyWidth;
                long valueElements = (long)rows * Blocks.ValueWidth;
                RowBlocks<T, TSimd, TVector>.Load(keys, Blocks.KeyWidth, rows, Blocks.KeyWidth, keyBlock, Blocks.KeyStride);
                float* valueRows = RowBlocks<T, TSimd, TVector>.AsSingle(
                    values, Blocks.ValueWidth, rows, Blocks.ValueWidth, valueBlock, Blocks.ValueStride, out int valueStride);
                PanelProduct<TSimd, TVector>.Multiply(
                    rows, keyBlock, Blocks.KeyStride, Panels.PrototypeColumns, Panels.PackedPrototypeColumns, weights, Blocks.ScoreStride,
                    keys + keyElements, keyElements * sizeof(T));
                PanelProduct<TSimd, TVector>.Multiply(
                    rows, valueRows, valueStride, Panels.GradientColumns, Panels.PackedGradientColumns, gradients, Blocks.ScoreStride,
                    values + valueElements, valueElements * sizeof(T));
                TokenSoftmax<TSimd, TVector>.Backward(
                    weights, gradients, Blocks.ScoreStride, rows, Blocks.Prototypes, Blocks.ScoreLanes, TokenLogSumExp + token, MassGradients, Scale);
                MultiplyToRows(
                    rows, weights, Panels.GradientRows, Panels.PackedGradientRows, valueBlock, Blocks.ValueStride, valueGradients, Blocks.ValueWidth);
                MultiplyToRows(
                    rows, gradients, Panels.PrototypeRows, Panels.PackedPrototypeRows, keyGradientBlock, Blocks.KeyStride, keyGradients, Blocks.KeyWidth);
                ColumnTile<TSimd, TVector>.Multiply(
                    Blocks.Prototypes, rows, Blocks.KeyLanes, gradients, Blocks.ScoreStride, keyBlock, Blocks.KeyStride, Slots + (item * SlotFloats),
                    Blocks.KeyLanes, token == Pieces.Begin(item) ? null : Ones);
            }
        }

        /// <summary>
        /// The product of a block of weights with a packed matrix, as rows of the storage type: at once where those are fp32 rows of whole vectors of 16. It asks for the
        /// rows of the next block, to find them in the cache when they are written.
        /// </summary>
        private readonly void MultiplyToRows(int rows, float* weights, Panels panels, float* packed, float* block, int stride, T* target, int width)
        {
            bool inPlace = typeof(T) == typeof(float) && width == panels.PaddedWidth;
            long elements = (long)rows * width;
            PanelProduct<TSimd, TVector>.Multiply(
                rows, weights, Blocks.ScoreStride, panels, packed, inPlace ? (float*)target : block, inPlace ? width : stride, target + elements, elements * sizeof(T));
            if (!inPlace)
            {
                RowBlocks<T, TSimd, TVector>.Store(block, stride, rows, width, target, width);
            }
        }
    }
}
