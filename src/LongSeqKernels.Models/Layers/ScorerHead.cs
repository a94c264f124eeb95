using System.Numerics.Tensors;

namespace LongSeqKernels.Models;

/// <summary>
/// The ranker: <c>logit = MLP([z | x_t | context])</c> with SiLU between its layers. It stands where the paper has a RankMixer, which is not part of STCA.
/// </summary>
internal sealed class ScorerHead
{
    private readonly int[] _inputWidths;
    private readonly int[] _widths;
    private readonly LinearLayer[] _layers;

    public ScorerHead(ParameterSet set, string name, ModelConfig config)
    {
        _inputWidths = config.ContextWidth == 0 ? [config.Width, config.Width] : [config.Width, config.Width, config.ContextWidth];
        _widths = [.. config.ScorerWidths, 1];
        _layers = new LinearLayer[_widths.Length];
        for (int layer = 0; layer < _layers.Length; layer++)
        {
            ReadOnlySpan<int> inputs = layer == 0 ? _inputWidths : [_widths[layer - 1]];
            _layers[layer] = new LinearLayer(set, $"{name}.{layer}", inputs, _widths[layer], bias: true);
        }
    }

    public void Initialise(RandomStream random)
    {
        foreach (LinearLayer layer in _layers)
        {
            Initialisation.KeepSize(layer.Weight, random);
        }
    }

    /// <summary>Scores targets.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="rows">Targets T.</param>
    /// <param name="z">Output of the attention stack <c>[T, D]</c>.</param>
    /// <param name="target">Target tokens <c>[T, D]</c>.</param>
    /// <param name="features">Context features <c>[T, C]</c>, or empty.</param>
    /// <param name="state">Kept for the backward run.</param>
    /// <param name="logits"><c>[T]</c>.</param>
    public void Forward(
        LongSeqContext context, int rows, ReadOnlySpan<float> z, ReadOnlySpan<float> target, ReadOnlySpan<float> features, ScorerState state, Span<float> logits)
    {
        state.Resize(_layers.Length);
        for (int layer = 0; layer < _layers.Length; layer++)
        {
            bool last = layer == _layers.Length - 1;
            Span<float> sums = last ? logits : state.Sums[layer].Use(rows, _widths[layer]);
            if (layer == 0)
            {
                _layers[0].Forward(context, rows, 0, z, sums);
                _layers[0].Forward(context, rows, 1, target, sums);
                if (_inputWidths.Length == 3)
                {
                    _layers[0].Forward(context, rows, 2, features, sums);
                }
            }
            else
            {
                _layers[layer].Forward(context, rows, 0, state.Hidden[layer - 1].Span, sums);
            }
            if (!last)
            {
                Span<float> hidden = state.Hidden[layer].Use(rows, _widths[layer]);
                TensorPrimitives.Sigmoid(sums, hidden);
                TensorPrimitives.Multiply(hidden, sums, hidden);
            }
        }
    }

    /// <summary>Adds to the gradients of the parameters, of <paramref name="zGradient"/> and of <paramref name="targetGradient"/>.</summary>
    public void Backward(
        LongSeqContext context,
        int rows,
        ReadOnlySpan<float> z,
        ReadOnlySpan<float> target,
        ReadOnlySpan<float> features,
        ScorerState state,
        ReadOnlySpan<float> logitGradient,
        Span<float> zGradient,
        Span<float> targetGradient)
    {
        ReadOnlySpan<float> gradient = logitGradient;
        for (int layer = _layers.Length - 1; layer > 0; layer--)
        {
            Span<float> inputGradient = state.Gradients[layer - 1].Zeroed(rows, _widths[layer - 1]);
            _layers[layer].Backward(context, rows, 0, state.Hidden[layer - 1].Span, gradient, inputGradient);
            SiluBackward(state.Sums[layer - 1].Span, inputGradient);
            gradient = inputGradient;
        }
        _layers[0].Backward(context, rows, 0, z, gradient, zGradient);
        _layers[0].Backward(context, rows, 1, target, gradient, targetGradient);
        if (_inputWidths.Length == 3)
        {
            _layers[0].Backward(context, rows, 2, features, gradient, default);
        }
    }

    private static void SiluBackward(ReadOnlySpan<float> sums, Span<float> gradient)
    {
        for (int i = 0; i < sums.Length; i++)
        {
            float sigmoid = 1 / (1 + MathF.Exp(-sums[i]));
            gradient[i] *= sigmoid * (1 + (sums[i] * (1 - sigmoid)));
        }
    }
}

/// <summary>What the scorer keeps from its forward run for its backward run.</summary>
internal sealed class ScorerState
{
    /// <summary>Per hidden layer, before SiLU.</summary>
    public GrowingBuffer[] Sums { get; private set; } = [];

    /// <summary>Per hidden layer, after SiLU.</summary>
    public GrowingBuffer[] Hidden { get; private set; } = [];

    /// <summary>Per hidden layer.</summary>
    public GrowingBuffer[] Gradients { get; private set; } = [];

    public void Resize(int layers)
    {
        if (Sums.Length != layers - 1)
        {
            Sums = Make(layers - 1);
            Hidden = Make(layers - 1);
            Gradients = Make(layers - 1);
        }
    }

    private static GrowingBuffer[] Make(int count)
    {
        var buffers = new GrowingBuffer[count];
        for (int i = 0; i < count; i++)
        {
            buffers[i] = new GrowingBuffer();
        }
        return buffers;
    }
}
