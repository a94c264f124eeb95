namespace LongSeqKernels.Models;

/// <summary>Running means over about 50 steps, for reports.</summary>
internal sealed class ThroughputMeter
{
    private const double Decay = 0.98;
    private double _weight;
    private double _seconds;
    private double _loss;
    private double _targets;
    private double _events;

    public void Add(TimeSpan elapsed, double loss, long targets, long events)
    {
        _weight = (Decay * _weight) + 1;
        _seconds = (Decay * _seconds) + elapsed.TotalSeconds;
        _loss = (Decay * _loss) + loss;
        _targets = (Decay * _targets) + targets;
        _events = (Decay * _events) + events;
    }

    public TrainingProgress Report(long step, long total, double loss, double rate, double norm)
    {
        double seconds = Math.Max(_seconds, 1e-9);
        return new TrainingProgress(
            step, total, loss, _loss / _weight, rate, norm, _targets / seconds, _events / seconds, TimeSpan.FromSeconds((total - step) * _seconds / _weight));
    }
}
