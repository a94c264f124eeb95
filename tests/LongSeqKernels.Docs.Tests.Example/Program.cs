using LongSeqKernels;

using var context = LongSeqContext.Create(Backend.Auto);            // the fastest backend of this machine
Console.WriteLine(context.Explain());                               // which one, on what, and why

JaggedLayout history = JaggedLayout.FromLengths(10_000, 700, 0);    // events of three users; the last one is new
JaggedLayout targets = JaggedLayout.FromLengths(300, 50, 10);       // the candidates of each user's request
var shape = new CrossAttentionShape { History = history, Targets = targets, Heads = 4, HeadWidth = 32 };
CrossAttentionPlan plan = CrossAttention.Plan(context, shape);      // once per batch, for all layers of a model

var random = new Random(1);                                         // stands for your model's projections
float[] Rows(long rows) => [.. Enumerable.Range(0, (int)rows * 4 * 32).Select(_ => random.NextSingle() - 0.5f)];
float[] keys = Rows(history.Total), values = Rows(history.Total);   // [L, H, dh], user after user, no padding
float[] queries = Rows(targets.Total);                              // [T, H, dh]

var output = new float[queries.Length];
var logSumExp = new float[targets.Total * 4];
CrossAttention.Forward<float>(plan, queries, keys, values, output, logSumExp);
Console.WriteLine($"first target: {output[0]:F4}, LSE {logSumExp[0]:F4}; last, of the new user: {output[^1]}, LSE {logSumExp[^1]}");
