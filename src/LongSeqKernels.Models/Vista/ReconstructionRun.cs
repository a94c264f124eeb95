using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>A run of the reconstruction loss over a batch.</summary>
/// <remarks>
/// The loss of a segment is the mean square of the predictions' errors over its reconstructed events and their elements; that of a batch is the mean over segments with
/// events, weighted by their targets, so that it does not depend on how requests share segments.
/// </remarks>
internal sealed class ReconstructionRun(LongSeqContext context, Reconstruction reconstruction)
{
    private readonly VistaConfig _config = reconstruction.Config;
    private readonly TransformerRows _summary = new();
    private readonly TransformerRows _events = new();
    private readonly TransformerScratch _scratch = new();
    private readonly GrowingBuffer _keys = new();
    private readonly GrowingBuffer _values = new();
    private readonly GrowingBuffer _keyGradient = new();
    private readonly GrowingBuffer _valueGradient = new();
    private readonly GrowingBuffer _predictions = new();
    private JaggedLayout _history = JaggedLayout.FromLengths();
    private JaggedLayout _summaries = JaggedLayout.FromLengths();
    private JaggedLayout _rows = JaggedLayout.FromLengths();
    private CrossAttentionPlan? _plan;
    private double[] _weights = [];

    private CrossAttentionPlan Plan => _plan ?? throw new InvalidOperationException("There has been no forward run yet.");

    /// <summary>Computes the loss, with its weight.</summary>
    /// <param name="batch">The prepared batch.</param>
    /// <param name="tokens">Of its history <c>[L, D]</c>.</param>
    /// <param name="summaries">Summary tokens per segment.</param>
    /// <param name="summary">The summaries <c>[S, D]</c>.</param>
    public double Forward(RequestBatch batch, ReadOnlySpan<float> tokens, JaggedLayout summaries, ReadOnlySpan<float> summary)
    {
        int width = _config.Width;
        Begin(batch, summaries);
        int count = checked((int)_rows.Total);
        int summaryRows = checked((int)summaries.Total);
        Span<float> input = _events.Input.Use(count, width);
        for (int segment = 0; segment < _rows.Count; segment++)
        {
            if (_rows.Length(segment) > 0)
            {
                Span<float> rows = Segment(input, _rows, segment);
                reconstruction.Start.Values.CopyTo(rows);
                Newest(tokens, segment)[..^width].CopyTo(rows[width..]);
            }
        }
        TransformerLayer layer = reconstruction.Layer;
        layer.Normalise(context, count, input, _events);
        layer.Ask(context, count, _events.Normalised.Span, _events);
        layer.Offer(context, count, _events.Normalised.Span, _events);
        layer.Offer(context, summaryRows, summary, _summary);
        Join(_summary.Keys.Span, _events.Keys.Span, _keys.Use(Plan.Shape.History.Total, width));
        Join(_summary.Values.Span, _events.Values.Span, _values.Use(Plan.Shape.History.Total, width));
        CrossAttention.Forward<float>(
            Plan, _events.Queries.Span, _keys.Span, _values.Span, _events.Attended.Use(count, width), _events.LogSumExp.Use(count, _config.Heads));
        Span<float> predictions = _predictions.Use(count, width);
        layer.Answer(context, count, input, _events, predictions);
        double loss = 0;
        for (int segment = 0; segment < _rows.Count; segment++)
        {
            float distance = _rows.Length(segment) == 0 ? 0 : TensorPrimitives.Distance<float>(Segment(predictions, _rows, segment), Newest(tokens, segment));
            loss += _weights[segment] * distance * distance;
        }
        return loss;
    }

    /// <summary>Adds to the gradients of the parameters, of the tokens and of the summaries.</summary>
    public void Backward(ReadOnlySpan<float> tokens, ReadOnlySpan<float> summary, Span<float> tokenGradient, Span<float> summaryGradient)
    {
        int width = _config.Width;
        int count = checked((int)_rows.Total);
        int summaryRows = checked((int)_summaries.Total);
        // The predictions are not needed after this: their memory takes the gradient of the loss with respect to them.
        Span<float> gradient = _predictions.Span;
        for (int segment = 0; segment < _rows.Count; segment++)
        {
            Span<float> rows = Segment(gradient, _rows, segment);
            TensorPrimitives.Subtract(rows, Newest(tokens, segment), rows);
            TensorPrimitives.Multiply(rows, (float)(2 * _weights[segment]), rows);
            if (_config.ReconstructionTargets == ReconstructionTargets.Trained)
            {
                Span<float> targets = Newest(tokenGradient, segment);
                TensorPrimitives.Subtract(targets, rows, targets);
            }
        }
        TransformerLayer layer = reconstruction.Layer;
        Span<float> inputGradient = _events.InputGradient.Zeroed(count, width);
        layer.AnswerBackward(context, count, _events, gradient, _scratch, inputGradient);
        Span<float> keyGradient = _keyGradient.Use(Plan.Shape.History.Total, width);
        Span<float> valueGradient = _valueGradient.Use(Plan.Shape.History.Total, width);
        CrossAttention.Backward<float>(
            Plan, _events.Queries.Span, _keys.Span, _values.Span, _events.Attended.Span, _events.LogSumExp.Span, _events.AttendedGradient.Span,
            _events.QueryGradient.Use(count, width), keyGradient, valueGradient);
        Split(keyGradient, _summary.KeyGradient.Use(summaryRows, width), _events.KeyGradient.Use(count, width));
        Split(valueGradient, _summary.ValueGradient.Use(summaryRows, width), _events.ValueGradient.Use(count, width));
        layer.OfferBackward(context, summaryRows, summary, _summary, summaryGradient);
        Span<float> normalisedGradient = _events.NormalisedGradient.Zeroed(count, width);
        layer.AskBackward(context, count, _events.Normalised.Span, _events, normalisedGradient);
        layer.OfferBackward(context, count, _events.Normalised.Span, _events, normalisedGradient);
        layer.NormaliseBackward(context, count, _events.Input.Span, normalisedGradient, _scratch, inputGradient);
        for (int segment = 0; segment < _rows.Count; segment++)
        {
            if (_rows.Length(segment) > 0)
            {
                Span<float> rows = Segment(inputGradient, _rows, segment);
                TensorPrimitives.Add(reconstruction.Start.Gradient, rows[..width], reconstruction.Start.Gradient);
                Span<float> inputs = Newest(tokenGradient, segment)[..^width];
                TensorPrimitives.Add(inputs, rows[width..], inputs);
            }
        }
    }

    /// <summary>A row sees the summary, the rows before it and itself: the causal mask is a limit for each row.</summary>
    private void Begin(RequestBatch batch, JaggedLayout summaries)
    {
        _history = batch.History;
        _summaries = summaries;
        int segments = _history.Count;
        var lengths = new long[segments];
        var joined = new long[segments];
        long counted = 0;
        for (int segment = 0; segment < segments; segment++)
        {
            lengths[segment] = Math.Min(_config.ReconstructionEvents, _history.Length(segment));
            joined[segment] = summaries.Length(segment) + lengths[segment];
            counted += lengths[segment] > 0 ? batch.Targets.Length(segment) : 0;
        }
        _rows = JaggedLayout.FromLengths(lengths);
        var limits = new long[_rows.Total];
        _weights = new double[segments];
        for (int segment = 0; segment < segments; segment++)
        {
            for (long row = 0; row < lengths[segment]; row++)
            {
                limits[_rows.Start(segment) + row] = summaries.Length(segment) + row + 1;
            }
            _weights[segment] = lengths[segment] == 0 || counted == 0
                ? 0
                : _config.ReconstructionWeight * ((double)batch.Targets.Length(segment) / counted) / (lengths[segment] * _config.Width);
        }
        _plan = AttentionPlan.Make(
            context, _config, AttentionForm.Projected, AttentionScore.Softmax, _rows, JaggedLayout.FromLengths(joined), limits).Core;
    }

    private void Join(ReadOnlySpan<float> summary, ReadOnlySpan<float> events, Span<float> joined)
    {
        for (int segment = 0; segment < _rows.Count; segment++)
        {
            Span<float> rows = Segment(joined, Plan.Shape.History, segment);
            ReadOnlySpan<float> first = Segment(summary, _summaries, segment);
            first.CopyTo(rows);
            Segment(events, _rows, segment).CopyTo(rows[first.Length..]);
        }
    }

    private void Split(ReadOnlySpan<float> joined, Span<float> summary, Span<float> events)
    {
        for (int segment = 0; segment < _rows.Count; segment++)
        {
            ReadOnlySpan<float> rows = Segment(joined, Plan.Shape.History, segment);
            Span<float> first = Segment(summary, _summaries, segment);
            rows[..first.Length].CopyTo(first);
            rows[first.Length..].CopyTo(Segment(events, _rows, segment));
        }
    }

    /// <summary>The tokens that are reconstructed: the newest of a segment.</summary>
    private Span<float> Newest(Span<float> tokens, int segment)
    {
        int length = (int)_rows.Length(segment) * _config.Width;
        return tokens.Slice(((int)_history.Start(segment + 1) * _config.Width) - length, length);
    }

    private ReadOnlySpan<float> Newest(ReadOnlySpan<float> tokens, int segment)
    {
        int length = (int)_rows.Length(segment) * _config.Width;
        return tokens.Slice(((int)_history.Start(segment + 1) * _config.Width) - length, length);
    }

    private Span<float> Segment(Span<float> rows, JaggedLayout layout, int segment) =>
        rows.Slice((int)layout.Start(segment) * _config.Width, (int)layout.Length(segment) * _config.Width);

    private ReadOnlySpan<float> Segment(ReadOnlySpan<float> rows, JaggedLayout layout, int segment) =>
        rows.Slice((int)layout.Start(segment) * _config.Width, (int)layout.Length(segment) * _config.Width);
}
