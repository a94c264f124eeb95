using NUnit.Framework;
using static LongSeqKernels.Docs.Tests.Snippets.Numbers;
using static LongSeqKernels.Tests.FiniteDifferences;
using static LongSeqKernels.Tests.Samples;

namespace LongSeqKernels.Docs.Tests.Snippets;

/// <summary>Linear and sketch attention of Operations/README.md.</summary>
[TestFixture]
public sealed class StateSnippets
{
    private readonly LongSeqContext _context = LongSeqContext.Create(Backend.Managed);
    private readonly JaggedLayout _history = JaggedLayout.FromLengths(10, 5, 0);

    [OneTimeTearDown]
    public void Dispose() => _context.Dispose();

    [Test]
    public void AStateTakesNewEventsAlone()
    {
        LongSeqContext context = _context;
        JaggedLayout history = _history, arrived = JaggedLayout.FromLengths(2, 0, 3), targets = JaggedLayout.FromLengths(3, 2, 1);
        const int row = 2 * 8;
        float[] keys = Normal(1, history.Total * row), values = Normal(2, keys.Length), arrivedKeys = Normal(3, arrived.Total * row), arrivedValues = Normal(4, arrivedKeys.Length);
        float[] queries = Normal(5, targets.Total * row), targetKeys = Normal(6, queries.Length), targetValues = Normal(7, queries.Length);
        var options = new LinearAttentionOptions();
        var state = new float[history.Count * row * 8];
        var output = new float[queries.Length];

        // <example>
        var shape = new LinearAttentionShape(Heads: 2, KeyWidth: 8, ValueWidth: 8);
        LinearAttention.AddToState<float>(context, shape, options, history, keys, values, state);
        LinearAttention.AddToState<float>(context, shape, options, arrived, arrivedKeys, arrivedValues, state);     // later: the new events alone
        LinearAttention.Apply<float>(context, shape, options, targets, queries, state, targetKeys, targetValues, output);
        // </example>

        for (int user = 0; user < targets.Count; user++)
        {
            for (long target = targets.Start(user); target < targets.Start(user + 1); target++)
            {
                for (int head = 0; head < 2; head++)
                {
                    double[] expected = Read(user, head, Row(queries, (target * 2) + head, 8), (history, keys, values), (arrived, arrivedKeys, arrivedValues));
                    double self = 0;
                    for (int i = 0; i < 8; i++)
                    {
                        self += Silu(Row(queries, (target * 2) + head, 8)[i]) * Silu(Row(targetKeys, (target * 2) + head, 8)[i]);
                    }
                    for (int c = 0; c < 8; c++)
                    {
                        Assert.That(Row(output, (target * 2) + head, 8)[c], Is.EqualTo(expected[c] + (self * Row(targetValues, (target * 2) + head, 8)[c])).Within(1e-5));
                    }
                }
            }
        }
    }

    [Test]
    public void ATokenSpreadsItselfOverThePrototypes()
    {
        (LongSeqContext context, JaggedLayout history) = (_context, _history);
        float[] prototypes = Normal(1, 8 * 16), keys = Normal(2, history.Total * 16), values = Normal(3, keys.Length);
        var sketch = new float[history.Count * 8 * 16];
        var tokenLogSumExp = new float[history.Total];
        var mass = new float[history.Count * 8];

        // <example>
        var shape = new SketchAttentionShape(history, Prototypes: 8, KeyWidth: 16, ValueWidth: 16);
        SketchAttention.Forward<float>(context, shape, prototypes, keys, values, sketch, tokenLogSumExp, mass);     // [users, 8, 16]
        // </example>

        for (int user = 0; user < history.Count; user++)
        {
            var expected = new double[8 * 16];
            for (long token = history.Start(user); token < history.Start(user + 1); token++)
            {
                double[] weights = [.. Enumerable.Range(0, 8).Select(j => Math.Exp(WeightedSum(Row(prototypes, j, 16), Row(keys, token, 16)) / 4))];
                for (int i = 0; i < expected.Length; i++)
                {
                    expected[i] += weights[i / 16] / weights.Sum() * Row(values, token, 16)[i % 16];
                }
            }
            Assert.That(Row(sketch, user, 8 * 16).ToArray(), Is.EqualTo(expected).Within(1e-5));
            Assert.That(Row(mass, user, 8).ToArray().Sum(), Is.EqualTo((float)history.Length(user)).Within(1e-4), "every token gives itself away once");
        }
    }

    /// <summary>phi1(q) phi2(M) of one user and head, M summed over several parts.</summary>
    private static double[] Read(int user, int head, ReadOnlySpan<float> query, params (JaggedLayout Layout, float[] Keys, float[] Values)[] parts)
    {
        var state = new double[8, 8];
        foreach ((JaggedLayout layout, float[] keys, float[] values) in parts)
        {
            for (long row = layout.Start(user); row < layout.Start(user + 1); row++)
            {
                for (int i = 0; i < 64; i++)
                {
                    state[i / 8, i % 8] += Silu(Row(keys, (row * 2) + head, 8)[i / 8]) * Row(values, (row * 2) + head, 8)[i % 8];
                }
            }
        }
        var output = new double[8];
        for (int i = 0; i < 64; i++)
        {
            output[i % 8] += Silu(query[i / 8]) * Silu(state[i / 8, i % 8]);
        }
        return output;
    }
}
