using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>What bad arguments must lead to: an exception that names the argument and what it must be, and nothing written.</summary>
internal static class Refusal
{
    public static void AssertRefused(Action run, string argument, string mustBe, params IEnumerable<float[]> tensors)
    {
        (float[] Tensor, float[] Before)[] snapshots = [.. tensors.Select(tensor => (tensor, (float[])tensor.Clone()))];
        Exception? refusal = null;
        try
        {
            run();
        }
        catch (Exception e)
        {
            refusal = e;
        }
        Assert.That(refusal, Is.InstanceOf<ArgumentException>());
        Assert.That(refusal!.Message, Does.Contain(argument).And.Contain("must").And.Contain(mustBe));
        foreach ((float[] tensor, float[] before) in snapshots)
        {
            Tolerance.AssertSameBits(tensor, before, "a tensor of a refused call");
        }
    }

    /// <summary>
    /// Asserts that a call is refused whenever one of its outputs shares its last element with another tensor's first, and runs when none does.
    /// </summary>
    /// <param name="inputs">Names and lengths.</param>
    /// <param name="outputs">Names and lengths.</param>
    /// <param name="run">Runs the operation with the memory of each name.</param>
    public static void AssertOverlapsAreRefused(
        (string Name, int Length)[] inputs, (string Name, int Length)[] outputs, Action<Func<string, Memory<float>>> run)
    {
        (string Name, int Length)[] all = [.. inputs, .. outputs];
        Dictionary<string, Memory<float>> Place() => all.ToDictionary(t => t.Name, t => new float[t.Length].AsMemory());
        Dictionary<string, Memory<float>> apart = Place();
        Assert.That(() => run(name => apart[name]), Throws.Nothing);

        foreach ((string output, int length) in outputs)
        {
            foreach ((string other, int otherLength) in all.Where(t => t.Name != output && t.Length > 0))
            {
                var memory = new float[length + otherLength - 1];
                Dictionary<string, Memory<float>> overlapping = Place();
                overlapping[output] = memory.AsMemory(0, length);
                overlapping[other] = memory.AsMemory(length - 1, otherLength);

                Exception? refusal = null;
                try
                {
                    run(name => overlapping[name]);
                }
                catch (Exception e)
                {
                    refusal = e;
                }
                Assert.That(refusal, Is.InstanceOf<ArgumentException>(), $"{output} over {other}");
                Assert.That(refusal!.Message, Does.Contain("overlaps").And.Contain(output).And.Contain(other));
                Assert.That(memory, Is.All.Zero);
            }
        }
    }
}
