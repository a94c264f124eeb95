namespace LongSeqKernels.Models;

/// <summary>A user's history as its summary in full precision, for one state of a model's weights.</summary>
public sealed class SummarisedHistory : IEncodedHistory
{
    private readonly VistaModel _model;
    private readonly long _version;
    private readonly float[] _rows;

    internal SummarisedHistory(VistaModel model, long events, float[] rows)
    {
        _model = model;
        _version = model.Parameters.Version;
        _rows = rows;
        Events = events;
    }

    /// <inheritdoc/>
    public long Events { get; }

    /// <summary>The summary tokens <c>[tokens, D]</c>.</summary>
    public ReadOnlySpan<float> Rows => _rows;

    /// <summary>Refuses a history that another model, or an earlier state of this one, summarised.</summary>
    internal void CheckFits(VistaModel model)
    {
        if (!ReferenceEquals(model, _model) || model.Parameters.Version != _version)
        {
            throw Error.Invalid("history", "summarised by another model or before the last change of the weights", "summarised by this model as it is now");
        }
    }
}
