using System.Runtime.CompilerServices;

namespace LongSeqKernels;

// Where kernels find a block of keys and values, and where its gradients go.
internal unsafe partial struct BackwardWork<TSimd, TVector, T>
{
    /// <summary>From a key of a head to the next, in elements.</summary>
    private readonly nint KeyStride => (nint)Shape.KeyValueHeads * Width;

    private readonly bool GradientsInPlace => typeof(T) == typeof(float) && Width == Layout.PaddedWidth;

    private readonly long KeyOffset(BackwardUnit unit, int head, long key) =>
        (((Shape.History.Start(unit.Segment) + key) * Shape.KeyValueHeads) + head) * Width;

    /// <summary>
    /// A block of keys of one head: fp32 rows are read where they lie, others come to the scratch memory. Gradients are made where the caller wants them if
    /// tiles can write there, which write whole vectors of fp32.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly HeadBlock LoadKeys(BackwardUnit unit, int head, long key, int keys, float* memory)
    {
        if (KeyBiasGradient != null)
        {
            new Span<float>(memory + Layout.BiasGradients, keys).Clear();
        }
        long offset = KeyOffset(unit, head, key);
        var block = new HeadBlock
        {
            First = key,
            Count = keys,
            Offset = offset,
            Stride = Layout.RowStride,
            Keys = memory + Layout.Keys,
            Values = memory + (Shared ? Layout.Keys : Layout.Values),
            GradientStride = Layout.RowStride,
            KeyGradients = memory + Layout.KeyGradients,
            ValueGradients = memory + (Shared ? Layout.KeyGradients : Layout.ValueGradients),
        };
        if (typeof(T) == typeof(float))
        {
            block = block with { Stride = KeyStride, Keys = (float*)(Keys + offset), Values = (float*)((Shared ? Keys : Values) + offset) };
        }
        else
        {
            WidenRows(Keys + offset, keys, block.Keys);
            if (!Shared)
            {
                WidenRows(Values + offset, keys, block.Values);
            }
        }
        if (GradientsInPlace)
        {
            block = block with
            {
                GradientStride = KeyStride,
                KeyGradients = (float*)(KeyGradient + offset),
                ValueGradients = (float*)((Shared ? KeyGradient : ValueGradient) + offset),
            };
        }
        return block;
    }

    /// <summary>Writes the gradients of a block of keys that are not there yet; the bias is shared by the heads, which come in order.</summary>
    private readonly void StoreKeys(BackwardUnit unit, int head, in HeadBlock block, float* memory)
    {
        if (!GradientsInPlace)
        {
            StoreRows(block.KeyGradients, block, KeyGradient);
            StoreRows(block.ValueGradients, block, ValueGradient);
        }
        if (KeyBiasGradient != null)
        {
            float* biasGradients = KeyBiasGradient + Shape.History.Start(unit.Segment) + block.First;
            for (int i = 0; i < block.Count; i++)
            {
                biasGradients[i] = head == 0 ? memory[Layout.BiasGradients + i] : biasGradients[i] + memory[Layout.BiasGradients + i];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void WidenRows(T* rows, int count, float* target)
    {
        for (int i = 0; i < count; i++, rows += KeyStride, target += Layout.RowStride)
        {
            SimdMath.Widen<TSimd, TVector, T>(rows, target, Width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void StoreRows(float* rows, in HeadBlock block, T* tensor)
    {
        for (int i = 0; i < block.Count && tensor != null; i++)
        {
            Store(rows + (i * block.GradientStride), tensor + block.Offset + (i * KeyStride));
        }
    }

    private readonly void ClearGradients(in HeadBlock block)
    {
        for (int i = 0; i < block.Count; i++)
        {
            if (KeyGradient != null)
            {
                new Span<float>(block.KeyGradients + (i * block.GradientStride), Width).Clear();
            }
            if (ValueGradient != null)
            {
                new Span<float>(block.ValueGradients + (i * block.GradientStride), Width).Clear();
            }
        }
    }

    /// <summary>
    /// What to fetch while a block is at work: the next block, in equal portions. Heads that are not read here would be fetched in vain, so a pass with some of
    /// the heads fetches nothing ahead.
    /// </summary>
    private readonly Ahead NextBlock(BackwardUnit unit, int heads, long next, int blockKeys, int portions)
    {
        long keys = heads == Shape.KeyValueHeads ? Math.Clamp(unit.EndKey - next, 0, blockKeys) : 0;
        return new Ahead(KeyOffset(unit, 0, next), (nint)(keys * KeyStride * sizeof(T) / Math.Max(1, portions)));
    }

    /// <summary>Where the portion begins in a tensor, or in the keys if there is no such tensor: what is there already costs nothing.</summary>
    private readonly byte* Next(T* tensor, Ahead ahead) => (byte*)((tensor == null ? Keys : tensor) + ahead.Row) + ahead.Bytes;

    /// <summary>A block of keys of one head as tiles read it, and where they make its gradients.</summary>
    private readonly struct HeadBlock
    {
        public long First { get; init; }

        public int Count { get; init; }

        /// <summary>Of the first key in its tensor, in elements.</summary>
        public long Offset { get; init; }

        public float* Keys { get; init; }

        /// <summary>The keys in a shared history.</summary>
        public float* Values { get; init; }

        public nint Stride { get; init; }

        public float* KeyGradients { get; init; }

        /// <summary>The gradients of the keys in a shared history.</summary>
        public float* ValueGradients { get; init; }

        public nint GradientStride { get; init; }
    }

    /// <summary>A portion of the next block; keys, values and their gradients lie at the same place of their tensors.</summary>
    private readonly struct Ahead(long row, nint portion, nint bytes = 0)
    {
        /// <summary>Where the block begins, in elements.</summary>
        public long Row => row;

        /// <summary>Where the portion begins, in bytes from there.</summary>
        public nint Bytes => bytes;

        /// <summary>Bytes of a portion.</summary>
        public nint Portion => portion;

        public Ahead Advance() => new(row, portion, bytes + portion);
    }
}
