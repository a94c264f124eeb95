using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;
using static LongSeqKernels.Tests.Tolerance;

namespace LongSeqKernels.Tests;

[TestFixtureSource(typeof(BackendRegistry), nameof(BackendRegistry.BackendsAndElements))]
public sealed class SummaryPoolingParity<T>(string backend)
    where T : unmanaged
{
    private LongSeqContext Context => BackendRegistry.Context(backend);

    [Test]
    public void PoolingIsCrossAttentionWithBroadcastQueries(
        [Values(16, 33, 128)] int seeds, [Values] HistoryForm form, [Values(1, 2)] int users)
    {
        JaggedLayout history = users == 1 ? JaggedLayout.FromLengths(701) : JaggedLayout.FromLengths(130, 65);
        int keyValueHeads = form == HistoryForm.Projected ? 2 : 0;
        CrossAttentionPlan plan = SummaryPooling.Plan(Context, history, seeds, 4, 32, form, keyValueHeads, new() { Scale = 0.2f });
        CrossAttentionData<T> data = CrossAttentionData<T>.Of(new("pooling", plan.Shape) { Options = plan.Options });
        CrossAttentionResult<float> reference = CrossAttentionRun.Forward(BackendRegistry.Reference, data.Widened());
        GuardedBuffer<T> output = GuardedBuffer<T>.Output((long)users * seeds * plan.Shape.TargetWidth);

        CrossAttention.Forward(plan, data.Queries, data.Keys, data.Values, output.Span);

        output.AssertGuardIntact("output");
        AssertFlashRule<T>("output", Widen(output.ToArray()), new CrossAttentionNaive<T>(data.Widened()).Output, reference.Output);
    }

    [Test]
    public void EveryUserIsPooledAsIfAlone()
    {
        JaggedLayout history = JaggedLayout.FromLengths(130, 0, 65, 300);
        CrossAttentionPlan plan = SummaryPooling.Plan(Context, history, 16, 2, 40);
        CrossAttentionData<T> data = CrossAttentionData<T>.Of(new("pooling", plan.Shape));
        CrossAttentionResult<float> reference = CrossAttentionRun.Forward(BackendRegistry.Reference, data.Widened());
        T[] together = CrossAttentionRun.Forward(Context, data).Output;
        AssertFlashRule<T>("output", Widen(together), new CrossAttentionNaive<T>(data.Widened()).Output, reference.Output);

        for (int user = 0; user < history.Count; user++)
        {
            CrossAttentionPlan alone = SummaryPooling.Plan(Context, JaggedLayout.FromLengths(history.Length(user)), 16, 2, 40);
            CrossAttentionData<T> its = data with
            {
                Case = new("alone", alone.Shape),
                Keys = Segment(data.Keys, history, user),
                Values = Segment(data.Values, history, user),
                LogSumExpGradient = Normal(6, alone.Shape.Rows),
            };
            float[] itsReference = Segment(reference.Output, plan.Shape.Targets, user);

            T[] output = CrossAttentionRun.Forward(Context, its).Output;

            AssertFlashRule<T>($"output of user {user}", Widen(output), new CrossAttentionNaive<T>(its.Widened()).Output, itsReference);
        }
    }

    [Test]
    public void SeedsOfAnEmptyHistoryAreZero()
    {
        CrossAttentionPlan plan = SummaryPooling.Plan(Context, JaggedLayout.FromLengths(0, 0), 16, 2, 8);

        CrossAttentionResult<T> actual = CrossAttentionRun.Forward(Context, CrossAttentionData<T>.Of(new("empty", plan.Shape)));

        Assert.That(Widen(actual.Output), Is.All.Zero);
        Assert.That(actual.LogSumExp, Is.All.EqualTo(float.NegativeInfinity));
    }
}
