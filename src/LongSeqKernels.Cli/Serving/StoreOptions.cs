using System.CommandLine;
using System.Security.Cryptography;
using LongSeqKernels.Models;
using LongSeqKernels.Serving;

namespace LongSeqKernels.Cli;

/// <summary>The options of commands that use the summaries of a model: the store, and which model version they write or read.</summary>
internal sealed class StoreOptions
{
    private readonly StoreLocation _location;
    private readonly Option<string?> _version = OptionOf.Text("--model-version", "The name of the model's version in the store; default: made of the model's kind and the digest of its file", "name");

    public StoreOptions(Command command, string meaning, bool required)
    {
        _location = new StoreLocation(command, meaning, required);
        command.Add(_version);
    }

    /// <summary>Whether the user names a store.</summary>
    public bool IsGiven(Invocation invocation) => _location.IsGiven(invocation);

    public ISummaryStore Open(Invocation invocation, MissingStore missing) => _location.Open(invocation, missing);

    /// <summary>The version of a model. Different weights have different names: a store never gives out a summary of other weights.</summary>
    public string Version(Invocation invocation, RankingModel model, string path) =>
        invocation.Get(_version) ?? $"{model.Kind.ToLowerInvariant()}-{DigestOf(path)}";

    /// <summary>A model that makes summaries.</summary>
    /// <exception cref="Failure">It is of another kind.</exception>
    public static VistaModel Vista(RankingModel model, string path) =>
        model as VistaModel ?? throw new Failure($"{path} holds a model of the kind {model.Kind}; summaries are made and read by a VISTA model.");

    /// <summary>The first 64 bits of the SHA-256 of a file.</summary>
    public static string DigestOf(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream).AsSpan(0, 8));
    }
}
