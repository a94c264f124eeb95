namespace LongSeqKernels;

/// <summary>Products of a block of rows with a matrix packed in panels, in steps whose operands stay in the L1 cache.</summary>
internal static unsafe class PanelProduct<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Rows of a panel that are multiplied at a time.</summary>
    private const int StepDepth = 128;

    /// <summary><c>C = A B</c>.</summary>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="a">A, any alignment.</param>
    /// <param name="lda">From a row of A to the next.</param>
    /// <param name="panels">How B is packed.</param>
    /// <param name="packed">B, aligned to 64 bytes.</param>
    /// <param name="c">C, any alignment.</param>
    /// <param name="ldc">From a row of C to the next: at least B's padded width.</param>
    /// <param name="ahead">First byte of memory that is wanted next.</param>
    /// <param name="aheadBytes">How much of it; what lies beyond a tensor's end may be asked for and is not read.</param>
    public static void Multiply(int rows, float* a, int lda, Panels panels, float* packed, float* c, int ldc, void* ahead, long aheadBytes)
    {
        int steps = (panels.Depth + StepDepth - 1) / StepDepth;
        var plan = new PrefetchPlan((byte*)ahead, aheadBytes, panels.Count * steps);
        for (int panel = 0; panel < panels.Count; panel++)
        {
            int lanes = panels.LanesOf(panel);
            float* b = packed + panels.Offset(panel);
            for (int step = 0; step < steps; step++)
            {
                int first = step * StepDepth;
                int depth = Math.Min(StepDepth, panels.Depth - first);
                long prefetches = Math.Max(1, RowTile<TSimd, TVector>.PrefetchSteps(rows, depth, lanes));
                RowTile<TSimd, TVector>.Multiply(
                    rows, depth, lanes, a + first, lda, b + ((long)first * lanes), lanes, c + (panel * Panels.Lanes), ldc,
                    step == 0 ? OutputMode.Overwrite : OutputMode.Add, plan.Of((panel * steps) + step), plan.Step(prefetches));
            }
        }
    }
}
