using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>A run of the candidate stage over a batch, with memory that is kept from batch to batch.</summary>
internal sealed class CandidateRun
{
    private readonly LongSeqContext _context;
    private readonly CandidateStage _stage;
    private readonly VistaConfig _config;
    private readonly TransformerRows[] _summary;
    private readonly TransformerRows[] _candidates;
    private readonly SelfTerm[] _selfTerms;
    private readonly TransformerScratch _scratch = new();
    private readonly GrowingBuffer _targetInput = new();
    private readonly GrowingBuffer _targetNormalised = new();
    private readonly GrowingBuffer _summaryOutput = new();
    private readonly GrowingBuffer _summaryNormalised = new();
    private readonly AttentionState _attention = new(new GrowingBuffer(), new GrowingBuffer());
    private readonly AttentionScratch _attentionScratch = new();
    private readonly GrowingBuffer _mixed = new();
    private readonly GrowingBuffer _ffnInput = new();
    private readonly GrowingBuffer _ffnOutput = new();
    private readonly GrowingBuffer _outputGradient = new();
    private readonly GrowingBuffer _ffnGradient = new();
    private readonly GrowingBuffer _queryGradient = new();
    private readonly GrowingBuffer _summaryGradient = new();
    private readonly GrowingBuffer _encodedGradient = new();
    private AttentionPlan? _targetPlan;
    private CrossAttentionPlan? _summaryPlan;
    private CrossAttentionPlan? _candidatePlan;

    public CandidateRun(LongSeqContext context, CandidateStage stage)
    {
        _context = context;
        _stage = stage;
        _config = stage.Config;
        int layers = stage.Layers.Length;
        _summary = new TransformerRows[layers];
        _candidates = new TransformerRows[layers];
        _selfTerms = new SelfTerm[layers];
        for (int layer = 0; layer < layers; layer++)
        {
            _summary[layer] = new TransformerRows();
            _candidates[layer] = new TransformerRows();
            _selfTerms[layer] = new SelfTerm(_config);
        }
    }

    private AttentionPlan TargetPlan => _targetPlan ?? throw new InvalidOperationException("There has been no forward run yet.");

    private CrossAttentionPlan SummaryPlan => _summaryPlan ?? throw new InvalidOperationException("There has been no forward run with candidate layers yet.");

    private CrossAttentionPlan CandidatePlan => _candidatePlan ?? throw new InvalidOperationException("There has been no forward run with candidate layers yet.");

    /// <summary>Runs the stage.</summary>
    /// <param name="summaries">Summary tokens per segment.</param>
    /// <param name="targets">Candidates per segment.</param>
    /// <param name="summary"><c>[S, D]</c>, normalised; unchanged until the backward run is over.</param>
    /// <param name="candidates">Their tokens <c>[T, D]</c>.</param>
    /// <param name="version">Of the parameters.</param>
    /// <param name="output">z <c>[T, D]</c>.</param>
    public void Forward(
        JaggedLayout summaries, JaggedLayout targets, ReadOnlySpan<float> summary, ReadOnlySpan<float> candidates, long version, Span<float> output)
    {
        Plan(summaries, targets);
        int summaryRows = checked((int)summaries.Total);
        int count = checked((int)targets.Total);
        ReadOnlySpan<float> encoded = SelfAttention(summary, candidates, summaryRows, count);
        Span<float> mixed = _mixed.Use(count, _config.Width);
        _stage.Target.Forward(_context, TargetPlan, encoded, NormaliseTargets(count), _attention, _attentionScratch, version, mixed);
        FinishTargets(count, output);
    }

    /// <summary>As <see cref="Forward"/>, of a stage without self-attention layers: summaries are decoded by the attention that reads them.</summary>
    /// <param name="summaries">Summary tokens per segment.</param>
    /// <param name="targets">Candidates per segment.</param>
    /// <param name="encoding">Of the summaries.</param>
    /// <param name="summary">Encoded rows <c>[S, D]</c>.</param>
    /// <param name="candidates">Their tokens <c>[T, D]</c>.</param>
    /// <param name="version">Of the parameters.</param>
    /// <param name="output">z <c>[T, D]</c>.</param>
    public void ForwardEncoded(
        JaggedLayout summaries,
        JaggedLayout targets,
        SummaryEncoding encoding,
        EncodedRows summary,
        ReadOnlySpan<float> candidates,
        long version,
        Span<float> output)
    {
        int count = checked((int)targets.Total);
        AttentionPlan plan = AttentionPlan.Make(_context, _config, AttentionForm.Absorbed, _config.Score, targets, summaries, encoding: encoding);
        candidates.CopyTo(_targetInput.Use(count, _config.Width));
        Span<float> mixed = _mixed.Use(count, _config.Width);
        _stage.Target.ForwardEncoded(_context, plan, summary, NormaliseTargets(count), _attention, _attentionScratch, version, mixed);
        FinishTargets(count, output);
    }

    /// <summary>Adds to the gradients of the parameters, of the summaries and of the candidates' tokens.</summary>
    /// <param name="summary">As in the forward run.</param>
    /// <param name="zGradient"><c>[T, D]</c>.</param>
    /// <param name="summaryGradient"><c>[S, D]</c>.</param>
    /// <param name="candidateGradient"><c>[T, D]</c>.</param>
    public void Backward(ReadOnlySpan<float> summary, ReadOnlySpan<float> zGradient, Span<float> summaryGradient, Span<float> candidateGradient)
    {
        int width = _config.Width;
        int count = TargetPlan.Targets;
        int summaryRows = checked((int)TargetPlan.Events);
        Span<float> gradient = _outputGradient.Zeroed(count, width);
        if (_stage.OutputNorm is null)
        {
            zGradient.CopyTo(gradient);
        }
        else
        {
            _stage.OutputNorm.Backward(_context, count, _ffnOutput.Span, zGradient, _scratch.Norm, gradient);
        }
        Span<float> ffnGradient = _ffnGradient.Zeroed(count, width);
        _stage.Ffn.Backward(_context, count, _ffnInput.Span, gradient, ffnGradient);
        _stage.FfnNorm.Backward(_context, count, _mixed.Span, ffnGradient, _scratch.Norm, gradient);

        Span<float> queryGradient = _queryGradient.Use(count, width);
        Span<float> encodedGradient = _encodedGradient.Use(summaryRows, width);
        ReadOnlySpan<float> encoded = _stage.SummaryNorm is null ? summary : _summaryNormalised.Span;
        _stage.Target.Backward(
            _context, TargetPlan, encoded, _targetNormalised.Span, _attention, _attentionScratch, gradient, queryGradient, encodedGradient);
        _stage.TargetNorm.Backward(_context, count, _targetInput.Span, queryGradient, _scratch.Norm, gradient);
        if (_stage.SummaryNorm is null)
        {
            TensorPrimitives.Add(summaryGradient, encodedGradient, summaryGradient);
            TensorPrimitives.Add(candidateGradient, gradient, candidateGradient);
            return;
        }
        Span<float> rows = _summaryGradient.Zeroed(summaryRows, width);
        _stage.SummaryNorm.Backward(_context, summaryRows, _summaryOutput.Span, encodedGradient, _scratch.Norm, rows);
        for (int layer = _stage.Layers.Length - 1; layer >= 0; layer--)
        {
            LayerBackward(layer, rows, gradient);
            _summary[layer].InputGradient.Span.CopyTo(rows);
            _candidates[layer].InputGradient.Span.CopyTo(gradient);
        }
        TensorPrimitives.Add(summaryGradient, rows, summaryGradient);
        TensorPrimitives.Add(candidateGradient, gradient, candidateGradient);
    }

    private Span<float> NormaliseTargets(int count)
    {
        Span<float> normalised = _targetNormalised.Use(count, _config.Width);
        _stage.TargetNorm.Forward(_context, count, _targetInput.Span, normalised);
        return normalised;
    }

    /// <summary>From what the target attention left in the mixed rows to z.</summary>
    private void FinishTargets(int count, Span<float> output)
    {
        Span<float> mixed = _mixed.Span;
        TensorPrimitives.Add(mixed, _targetInput.Span, mixed);
        Span<float> ffnInput = _ffnInput.Use(count, _config.Width);
        _stage.FfnNorm.Forward(_context, count, mixed, ffnInput);
        Span<float> ffnOutput = _stage.OutputNorm is null ? output : _ffnOutput.Use(count, _config.Width);
        _stage.Ffn.Forward(_context, count, ffnInput, ffnOutput);
        TensorPrimitives.Add(ffnOutput, mixed, ffnOutput);
        _stage.OutputNorm?.Forward(_context, count, ffnOutput, output);
    }

    private void Plan(JaggedLayout summaries, JaggedLayout targets)
    {
        _targetPlan = AttentionPlan.Make(_context, _config, AttentionForm.Projected, _config.Score, targets, summaries);
        if (_stage.Layers.Length > 0)
        {
            _candidatePlan = _targetPlan.Core;
            _summaryPlan = AttentionPlan.Make(_context, _config, AttentionForm.Projected, _config.Score, summaries, summaries).Core;
        }
    }

    /// <summary>All self-attention layers; leaves the candidates' rows in the target attention's input.</summary>
    /// <returns>The summary rows that the target attention reads.</returns>
    private ReadOnlySpan<float> SelfAttention(ReadOnlySpan<float> summary, ReadOnlySpan<float> candidates, int summaryRows, int count)
    {
        int layers = _stage.Layers.Length;
        if (layers == 0)
        {
            candidates.CopyTo(_targetInput.Use(count, _config.Width));
            return summary;
        }
        candidates.CopyTo(_candidates[0].Input.Use(count, _config.Width));
        summary.CopyTo(_summary[0].Input.Use(summaryRows, _config.Width));
        for (int i = 0; i < layers; i++)
        {
            TransformerLayer layer = _stage.Layers[i];
            TransformerRows s = _summary[i];
            TransformerRows c = _candidates[i];
            bool last = i == layers - 1;
            ReadOnlySpan<float> normalised = NormaliseSummary(i, summaryRows);
            layer.Offer(_context, summaryRows, normalised, s);
            layer.Ask(_context, summaryRows, normalised, s);
            layer.Normalise(_context, count, c.Input.Span, c);
            layer.Offer(_context, count, c.Normalised.Span, c);
            layer.Ask(_context, count, c.Normalised.Span, c);
            Span<float> logSumExp = s.LogSumExp.Use(summaryRows, _config.Score == AttentionScore.Softmax ? _config.Heads : 0);
            CrossAttention.Forward<float>(
                SummaryPlan, s.Queries.Span, s.Keys.Span, s.Values.Span, s.Attended.Use(summaryRows, _config.Width), logSumExp);
            _selfTerms[i].Forward(_context, CandidatePlan, s.Keys.Span, s.Values.Span, c);
            layer.Answer(_context, summaryRows, s.Input.Span, s, (last ? _summaryOutput : _summary[i + 1].Input).Use(summaryRows, _config.Width));
            layer.Answer(_context, count, c.Input.Span, c, (last ? _targetInput : _candidates[i + 1].Input).Use(count, _config.Width));
        }
        Span<float> read = _summaryNormalised.Use(summaryRows, _config.Width);
        _stage.SummaryNorm?.Forward(_context, summaryRows, _summaryOutput.Span, read);
        return read;
    }

    /// <summary>The first layer's summary rows come normalised.</summary>
    private ReadOnlySpan<float> NormaliseSummary(int layer, int summaryRows)
    {
        if (layer > 0)
        {
            _stage.Layers[layer].Normalise(_context, summaryRows, _summary[layer].Input.Span, _summary[layer]);
        }
        return NormalisedSummary(layer);
    }

    private ReadOnlySpan<float> NormalisedSummary(int layer) => layer == 0 ? _summary[0].Input.Span : _summary[layer].Normalised.Span;

    private void LayerBackward(int index, ReadOnlySpan<float> summaryGradient, ReadOnlySpan<float> candidateGradient)
    {
        TransformerLayer layer = _stage.Layers[index];
        TransformerRows s = _summary[index];
        TransformerRows c = _candidates[index];
        int summaryRows = checked((int)SummaryPlan.Shape.Targets.Total);
        int count = TargetPlan.Targets;
        int width = _config.Width;
        Span<float> summaryInput = s.InputGradient.Zeroed(summaryRows, width);
        Span<float> candidateInput = c.InputGradient.Zeroed(count, width);
        layer.AnswerBackward(_context, summaryRows, s, summaryGradient, _scratch, summaryInput);
        layer.AnswerBackward(_context, count, c, candidateGradient, _scratch, candidateInput);

        Span<float> keyGradient = s.KeyGradient.Use(summaryRows, width);
        Span<float> valueGradient = s.ValueGradient.Use(summaryRows, width);
        CrossAttention.Backward<float>(
            SummaryPlan, s.Queries.Span, s.Keys.Span, s.Values.Span, s.Attended.Span, s.LogSumExp.Span, s.AttendedGradient.Span,
            s.QueryGradient.Use(summaryRows, width), keyGradient, valueGradient);
        Span<float> fromCandidates = _scratch.KeyGradient.Use(summaryRows, width);
        Span<float> valuesFromCandidates = _scratch.ValueGradient.Use(summaryRows, width);
        _selfTerms[index].Backward(_context, CandidatePlan, s.Keys.Span, s.Values.Span, c, fromCandidates, valuesFromCandidates);
        TensorPrimitives.Add(keyGradient, fromCandidates, keyGradient);
        TensorPrimitives.Add(valueGradient, valuesFromCandidates, valueGradient);

        Span<float> normalised = c.NormalisedGradient.Zeroed(count, width);
        layer.AskBackward(_context, count, c.Normalised.Span, c, normalised);
        layer.OfferBackward(_context, count, c.Normalised.Span, c, normalised);
        layer.NormaliseBackward(_context, count, c.Input.Span, normalised, _scratch, candidateInput);

        Span<float> summaryNormalised = index == 0 ? summaryInput : s.NormalisedGradient.Zeroed(summaryRows, width);
        layer.AskBackward(_context, summaryRows, NormalisedSummary(index), s, summaryNormalised);
        layer.OfferBackward(_context, summaryRows, NormalisedSummary(index), s, summaryNormalised);
        if (index > 0)
        {
            layer.NormaliseBackward(_context, summaryRows, s.Input.Span, summaryNormalised, _scratch, summaryInput);
        }
    }
}
