using LongSeqKernels;

// The same cross attention on two backends; the exit code says whether they agree.
JaggedLayout history = JaggedLayout.FromLengths(200, 0, 37);
JaggedLayout targets = JaggedLayout.FromLengths(5, 3, 7);
var random = new Random(1);
float[] Made(long rows) => [.. Enumerable.Range(0, (int)rows * 2 * 32).Select(_ => random.NextSingle() - 0.5f)];
float[] keys = Made(history.Total), values = Made(history.Total), queries = Made(targets.Total);

float[] On(Backend backend)
{
    using LongSeqContext context = LongSeqContext.Create(backend);
    Console.WriteLine(context.Explain());
    CrossAttentionPlan plan = CrossAttention.Plan(context, new CrossAttentionShape { History = history, Targets = targets, Heads = 2, HeadWidth = 32 });
    var output = new float[queries.Length];
    CrossAttention.Forward<float>(plan, queries, keys, values, output);
    return output;
}

float difference = On(Backend.Managed).Zip(On(Backend.Native), (a, b) => MathF.Abs(a - b)).Max();
Console.WriteLine($"largest difference: {difference}");
return difference < 1e-5f ? 0 : 1;
