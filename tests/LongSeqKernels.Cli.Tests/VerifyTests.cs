using System.Text.Json;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class VerifyTests
{
    [Test]
    public void ManagedBackendAgreesWithTheReference()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, "verify", "--backend", "managed", "--json");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        JsonElement json = run.Json;
        Assert.That(json.GetProperty("passed").GetBoolean(), Is.True);
        Assert.That(json.GetProperty("failed").GetInt32(), Is.Zero);
        string[] operations = [.. json.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("operation").GetString()!).Distinct()];
        Assert.That(operations, Is.EquivalentTo(VerificationCatalogue.Operations));
        string[] types = [.. json.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("type").GetString()!).Distinct()];
        Assert.That(types, Is.EquivalentTo(["fp32", "bf16", "fp16"]));
    }

    [Test]
    public void OneOperationOfEveryBackend()
    {
        using var directory = new WorkingDirectory();
        LskRun run = LskProcess.Run(directory.Path, "verify", "--operation", "layer-norm");
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("layer norm").And.Not.Contain("gated FFN"));
        Assert.That(run.Output, Does.Contain("managed").And.Contain("portable"));
        Assert.That(run.Output, Does.Match(@"All \d+ tensors agree"));
    }

    [Test]
    public void InfinitiesThatAgreeDoNotDiffer() =>
        Assert.That(Verifier.MaxDifference([1, float.NegativeInfinity], [1.5f, float.NegativeInfinity]), Is.EqualTo(0.5));

    [TestCase(float.NaN, 1f)]
    [TestCase(float.NaN, float.NaN)]
    [TestCase(float.NegativeInfinity, 1f)]
    [TestCase(1f, float.NegativeInfinity)]
    public void WhatIsNotFiniteWhereTheReferenceIsNeverPasses(float value, float truth)
    {
        double error = Verifier.MaxDifference([value], [truth]);
        Assert.That(error, Is.NaN);
        Assert.That(new Deviation(new MergeStatesCase(), "", Direction.Forward, error, double.MaxValue).Passed, Is.False);
    }

    [Test]
    public void WrongResultsAreFound()
    {
        using LongSeqContext reference = LongSeqContext.Create(Backend.Reference);
        using LongSeqContext managed = LongSeqContext.Create(Backend.Managed);
        var verifier = new Verifier(reference);
        Assert.That(verifier.Run<float>(managed, new FaultyCase(reference, 0)).Single().Passed, Is.True);
        Assert.That(verifier.Run<float>(managed, new FaultyCase(reference, 1e-3f)).Single().Passed, Is.False);
        Assert.That(verifier.Run<BFloat16>(managed, new FaultyCase(reference, 0.05f)).Single().Passed, Is.False);
        Assert.That(verifier.Run<Half>(managed, new FaultyCase(reference, 0.01f)).Single().Passed, Is.False);
    }

    /// <summary>A layer norm that is wrong by a factor in one element, on every context but the reference.</summary>
    private sealed class FaultyCase(LongSeqContext reference, float fault) : VerificationCase("layer norm", "faulty")
    {
        public override void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
        {
            T[] input = inputs.Normal<T>(8 * 32);
            T[] output = InputSource.Output<T>(input.Length);
            LayerNorm.Forward<T>(context, 8, 32, LayerNorm.DefaultEpsilon, input, [], [], output);
            if (context != reference)
            {
                int largest = Array.IndexOf(output, output.MaxBy(Element<T>.ToSingle));
                output[largest] = Element<T>.FromSingle(Element<T>.ToSingle(output[largest]) * (1 + fault));
            }
            results.Add("output", Direction.Forward, output);
        }
    }
}
