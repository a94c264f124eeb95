using System.Globalization;
using System.Text;

namespace LongSeqKernels.Models;

/// <summary>
/// Interaction logs as files: a safetensors container with a tensor per column, names as UTF-8 with offsets, counts and source in its metadata.
/// The same log gives the same bytes.
/// </summary>
public static class InteractionLogFile
{
    /// <summary>What <c>format</c> in the metadata says.</summary>
    public const string Format = "longseqkernels-interaction-log";

    /// <summary>Version of the format that is written and read.</summary>
    public const string Version = "1";

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Writes a log: whole or not at all (<see cref="AtomicFile"/>).</summary>
    /// <param name="log">The log; it is checked first.</param>
    /// <param name="path">The destination; its directory must exist.</param>
    /// <exception cref="ArgumentException">The log does not hold (<see cref="InteractionLog.Validate"/>).</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(InteractionLog log, string path)
    {
        log.Validate();
        var writer = new SafetensorsWriter();
        writer.SetMetadata("format", Format);
        writer.SetMetadata("version", Version);
        writer.SetMetadata("source", log.Source);
        writer.SetMetadata("item_count", Text(log.ItemCount));
        writer.SetMetadata("action_count", Text(log.ActionCount));
        writer.SetMetadata("category_count", Text(log.CategoryCount));
        writer.SetMetadata("pool_count", Text(log.PoolCount));
        writer.Add<long>("user_offsets", log.Users.Offsets.ToArray(), log.Users.Count + 1);
        writer.Add("items", log.Items, log.EventCount);
        writer.Add("times", log.Times, log.EventCount);
        AddOptional(writer, "labels", log.Labels);
        AddOptional(writer, "actions", log.Actions);
        AddOptional(writer, "baskets", log.Baskets);
        AddOptional(writer, "item_categories", log.ItemCategories);
        AddOptional(writer, "item_pools", log.ItemPools);
        AddNames(writer, "user_names", log.UserNames);
        AddNames(writer, "item_names", log.ItemNames);
        writer.Save(path);
    }

    /// <summary>Reads a log and checks it.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">The file is no interaction log of this version, or its columns do not hold.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static InteractionLog Load(string path)
    {
        using var file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault("format") != Format)
        {
            throw new InvalidDataException($"{path} is no interaction log: its metadata does not say format '{Format}'.");
        }
        if (file.Metadata.GetValueOrDefault("version") != Version)
        {
            throw new InvalidDataException($"{path} is an interaction log of version '{file.Metadata.GetValueOrDefault("version")}'; it must be of version {Version}.");
        }
        try
        {
            return new InteractionLog
            {
                Users = JaggedLayout.FromOffsets(file.Read<long>("user_offsets")),
                Items = file.Read<int>("items"),
                Times = file.Read<long>("times"),
                Labels = ReadOptional<float>(file, "labels"),
                Actions = ReadOptional<int>(file, "actions"),
                Baskets = ReadOptional<long>(file, "baskets"),
                ItemCategories = ReadOptional<int>(file, "item_categories"),
                ItemPools = ReadOptional<int>(file, "item_pools"),
                ItemCount = Count(file, "item_count"),
                ActionCount = Count(file, "action_count"),
                CategoryCount = Count(file, "category_count"),
                PoolCount = Count(file, "pool_count"),
                UserNames = ReadNames(file, "user_names"),
                ItemNames = ReadNames(file, "item_names"),
                Source = file.Metadata.GetValueOrDefault("source", ""),
            }.Validate();
        }
        catch (ArgumentException exception)
        {
            throw new InvalidDataException($"{path} is no valid interaction log: {exception.Message}", exception);
        }
    }

    private static string Text(int count) => count.ToString(CultureInfo.InvariantCulture);

    private static void AddOptional<T>(SafetensorsWriter writer, string name, ReadOnlyMemory<T> column)
        where T : unmanaged
    {
        if (!column.IsEmpty)
        {
            writer.Add(name, column, column.Length);
        }
    }

    private static ReadOnlyMemory<T> ReadOptional<T>(SafetensorsFile file, string name)
        where T : unmanaged => file.Tensors.ContainsKey(name) ? file.Read<T>(name) : ReadOnlyMemory<T>.Empty;

    private static int Count(SafetensorsFile file, string key)
    {
        string text = file.Metadata.GetValueOrDefault(key, "");
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            ? count
            : throw new InvalidDataException($"{file.Path}: metadata '{key}' is '{text}'; it must be a whole number.");
    }

    private static void AddNames(SafetensorsWriter writer, string name, IReadOnlyList<string> names)
    {
        var offsets = new long[names.Count + 1];
        using var bytes = new MemoryStream();
        for (int i = 0; i < names.Count; i++)
        {
            bytes.Write(StrictUtf8.GetBytes(names[i]));
            offsets[i + 1] = bytes.Length;
        }
        writer.Add<byte>(name, bytes.ToArray(), bytes.Length);
        writer.Add<long>(name + "_offsets", offsets, offsets.Length);
    }

    private static string[] ReadNames(SafetensorsFile file, string name)
    {
        byte[] bytes = file.Read<byte>(name);
        var layout = JaggedLayout.FromOffsets(file.Read<long>(name + "_offsets"));
        if (layout.Total != bytes.Length)
        {
            throw new InvalidDataException($"{file.Path}: tensor '{name}_offsets' ends at {layout.Total}; it must end at {bytes.Length}, the length of '{name}'.");
        }
        var names = new string[layout.Count];
        for (int i = 0; i < names.Length; i++)
        {
            names[i] = StrictUtf8.GetString(bytes, (int)layout.Start(i), (int)layout.Length(i));
        }
        return names;
    }
}
