namespace LongSeqKernels.Portable;

/// <summary>The gate of a gated FFN, between its linear layers; one work item is one hidden element.</summary>
public static class GatedFfnBodies
{
    /// <summary><c>h = u * silu(v)</c>.</summary>
    /// <param name="up">u.</param>
    /// <param name="gate">v.</param>
    /// <param name="hidden">h, result.</param>
    /// <param name="item">The element.</param>
    public static void Gate<TScratch>(TScratch up, TScratch gate, TScratch hidden, long item)
        where TScratch : struct, IReadWriteView, allows ref struct =>
        hidden.Set(item, up.Get(item) * BodyMath.Silu(gate.Get(item)));

    /// <summary><c>du = dh * silu(v)</c> and <c>dv = dh * u * silu'(v)</c>, in the place of u and v.</summary>
    /// <param name="up">In: u; out: du.</param>
    /// <param name="gate">In: v; out: dv.</param>
    /// <param name="hiddenGradient">dh.</param>
    /// <param name="item">The element.</param>
    public static void GateGradient<TScratch>(TScratch up, TScratch gate, TScratch hiddenGradient, long item)
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        float u = up.Get(item);
        float v = gate.Get(item);
        float gradient = hiddenGradient.Get(item);
        up.Set(item, gradient * BodyMath.Silu(v));
        gate.Set(item, gradient * u * BodyMath.SiluDerivative(v));
    }
}
