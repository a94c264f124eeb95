namespace LongSeqKernels.Models.Tests;

/// <summary>
/// A VISTA model as one would write it down first: double precision, one user, row after row, no operation of the library. Reads the weights by their names.
/// </summary>
internal sealed class VistaTwin(VistaModel model)
{
    private readonly VistaConfig _config = model.Config;
    private readonly TwinLayers _layers = new(model.Parameters, model.Config);

    /// <summary>Logits of all targets of a batch of one segment, without limits.</summary>
    public double[] Score(RequestBatch batch)
    {
        double[][] summary = Summary(Tokens(batch));
        return [.. Enumerable.Range(0, batch.TargetItems.Length).Select(target => Score(batch, target, summary))];
    }

    /// <summary>The weighted reconstruction loss of a batch of one segment.</summary>
    public double Reconstruction(RequestBatch batch)
    {
        double[][] tokens = Tokens(batch);
        double[][] events = [.. tokens.TakeLast(_config.ReconstructionEvents)];
        double[][] inputs = [_layers.Row("reconstruction.start", 0), .. events[..^1]];
        double[][] summary = Summary(tokens);
        double sum = 0;
        for (int i = 0; i < inputs.Length; i++)
        {
            double[][] seen = [.. summary, .. inputs[..(i + 1)].Select(row => _layers.Norm("reconstruction.norm", row))];
            double[] prediction = _layers.Transformer("reconstruction", inputs[i], seen[^1], seen, AttentionScore.Softmax);
            sum += prediction.Zip(events[i]).Sum(pair => (pair.First - pair.Second) * (pair.First - pair.Second));
        }
        return _config.ReconstructionWeight * sum / (inputs.Length * _config.Width);
    }

    private double[][] Tokens(RequestBatch batch)
    {
        ReadOnlySpan<long> times = batch.HistoryTimes.Span;
        var tokens = new double[times.Length][];
        for (int i = 0; i < tokens.Length; i++)
        {
            tokens[i] = Item(batch.HistoryItems.Span[i]);
            if (_config.Actions > 1)
            {
                tokens[i] = TwinLayers.Sum(tokens[i], _layers.Row("action_embedding", batch.HistoryActions.Span[i]));
            }
            long now = _config.TimeReference switch
            {
                TimeReference.Request => batch.RequestTimes.Span[0],
                TimeReference.NewestEvent => times[^1],
                _ => times[i],
            };
            long then = _config.TimeReference == TimeReference.PreviousEvent ? times[Math.Max(0, i - 1)] : times[i];
            if (_config.TimeGaps is { } gaps)
            {
                tokens[i] = TwinLayers.Sum(tokens[i], _layers.Row("time_embedding", gaps.Of(now - then)));
            }
        }
        return tokens;
    }

    private double[] Item(int item)
    {
        double[] row = _layers.TableRow("item_embedding", item);
        return _config.Categories == 0 ? row : TwinLayers.Sum(row, _layers.TableRow("category_embedding", model.ItemCategories.Span[item]));
    }

    private double[][] Summary(double[][] tokens) =>
        [.. Learned(tokens), .. tokens.TakeLast(_config.NewestTokens).Select(row => _layers.Norm("newest_norm", row))];

    private double[][] Learned(double[][] tokens) => _config.Summariser switch
    {
        SummariserKind.QuasiLinear => QuasiLinear(tokens),
        SummariserKind.SeedPooling => Pooling(tokens),
        SummariserKind.Sketch => Sketch(tokens),
        _ => [.. tokens.TakeLast(_config.Seeds).Select(row => _layers.Norm("summary_norm", row))],
    };

    private double[][] QuasiLinear(double[][] history)
    {
        double[][] seeds = _layers.Rows("seeds");
        for (int layer = 0; layer < _config.Layers; layer++)
        {
            string name = $"summariser.{layer}";
            double[][] all = [.. history, .. seeds];
            double[][] next = [.. seeds.Select(row => _layers.QuasiLinear(name, row, all))];
            history = [.. history.Select(row => _layers.QuasiLinear(name, row, _config.SeedsVisible ? all : history))];
            seeds = next;
        }
        return [.. seeds.Select(row => _layers.Norm("summary_norm", row))];
    }

    private double[][] Pooling(double[][] history)
    {
        double[][] seeds = _layers.Rows("seeds");
        for (int layer = 0; layer < _config.Layers; layer++)
        {
            string name = $"summariser.{layer}";
            double[][] read = [.. history.Select(row => _layers.Norm($"{name}.history_norm", row))];
            seeds = [.. seeds.Select(row => _layers.PostNorm(name, row, _layers.StcaAttention($"{name}.attention", row, read, AttentionScore.Softmax)))];
        }
        return seeds;
    }

    private double[][] Sketch(double[][] history)
    {
        double[][] prototypes = _layers.Rows("prototypes");
        for (int layer = 0; layer < _config.Layers; layer++)
        {
            string name = $"summariser.{layer}";
            double[][] queries = [.. prototypes.Select(row => _layers.Linear($"{name}.query", row))];
            double[][] sums = [.. prototypes.Select(_ => new double[_config.Width])];
            var mass = new double[prototypes.Length];
            foreach (double[] token in history)
            {
                double[] key = _layers.Linear($"{name}.key", token);
                double[] value = _config.SketchValues == SketchValues.Projected ? _layers.Linear($"{name}.value", token) : token;
                double[] weights = TwinLayers.Softmax([.. queries.Select(query => TwinLayers.Dot(query, key) / Math.Sqrt(_config.Width))]);
                for (int j = 0; j < sums.Length; j++)
                {
                    sums[j] = TwinLayers.Sum(sums[j], TwinLayers.Scale(value, weights[j]));
                    mass[j] += weights[j];
                }
            }
            bool means = _config.SketchNormalization == SlotNormalization.Mass;
            prototypes = [.. prototypes.Select((row, j) => _layers.PostNorm(name, row, means ? TwinLayers.Scale(sums[j], 1 / (mass[j] + 1e-8)) : sums[j]))];
        }
        return prototypes;
    }

    private double Score(RequestBatch batch, int target, double[][] summary)
    {
        double[] token = Item(batch.TargetItems.Span[target]);
        double[] candidate = token;
        double[][] read = summary;
        for (int layer = 0; layer < _config.CandidateLayers; layer++)
        {
            string name = $"candidates.{layer}";
            double[][] normalised = layer == 0 ? summary : [.. summary.Select(row => _layers.Norm($"{name}.norm", row))];
            double[] own = _layers.Norm($"{name}.norm", candidate);
            double[][] before = summary;
            candidate = _layers.Transformer(name, candidate, own, [.. normalised, own], _config.Score);
            summary = [.. before.Select((row, i) => _layers.Transformer(name, row, normalised[i], normalised, _config.Score))];
            read = [.. summary.Select(row => _layers.Norm("target.summary_norm", row))];
        }
        double[] mixed = TwinLayers.Sum(candidate, _layers.StcaAttention("target.attention", _layers.Norm("target.norm", candidate), read, _config.Score));
        double[] z = TwinLayers.Sum(mixed, _layers.Ffn("target.ffn", _layers.Norm("target.ffn_norm", mixed)));
        z = _config.OutputLayerNorm ? _layers.Norm("target.output_norm", z) : z;
        double[] features = [.. batch.TargetContext.ToArray().Skip(target * _config.ContextWidth).Take(_config.ContextWidth)];
        double[] hidden = [.. z, .. token, .. features];
        for (int layer = 0; layer < _config.ScorerWidths.Count; layer++)
        {
            hidden = [.. _layers.Linear($"scorer.{layer}", hidden).Select(TwinLayers.Silu)];
        }
        return _layers.Linear($"scorer.{_config.ScorerWidths.Count}", hidden)[0];
    }
}
