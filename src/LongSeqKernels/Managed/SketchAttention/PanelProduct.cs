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
    /// <param name="c">C.</param>
    /// <param name="ldc">From a row of C to the next: at least B's padded width.</param>
    public static void Multiply(int rows, float* a, int lda, Panels panels, float* packed, float* c, int ldc)
    {
        for (int panel = 0; panel < panels.Count; panel++)
        {
            int lanes = panels.LanesOf(panel);
            float* b = packed + panels.Offset(panel);
            for (int depth = 0; depth < panels.Depth; depth += StepDepth)
            {
                RowTile<TSimd, TVector>.Multiply(
                    rows, Math.Min(StepDepth, panels.Depth - depth), lanes, a + depth, lda, b + ((long)depth * lanes), lanes, c + (panel * Panels.Lanes), ldc,
                    depth == 0 ? OutputMode.Overwrite : OutputMode.Add);
            }
        }
    }
}
