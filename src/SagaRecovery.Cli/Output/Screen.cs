using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using SagaRecovery.Status;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace SagaRecovery.Cli.Output;

/// <summary>
/// Where answers go. People get tables, in colour on a terminal, and one line to a row where the output goes elsewhere; texts from
/// outside come as <see cref="Text"/>, never as markup.
/// </summary>
internal sealed class Screen(Surroundings around)
{
    /// <summary>Wider than any row. What a narrow terminal wraps can still be read and copied; a shrunken column cannot.</summary>
    private const int NoLimit = 4_096;

    /// <summary>A line of our own, or one that has been made plain.</summary>
    public void Line(string text = "") => around.Out.WriteLine(text);

    /// <summary>Lines that a service has rendered: they are plain already, but that is the service's word.</summary>
    public void Lines(string text)
    {
        foreach (string line in Plain(text))
        {
            Line(line);
        }
    }

    public void Json<T>(T value, JsonTypeInfo<T> type) => Line(JsonSerializer.Serialize(value, type));

    /// <summary>JSON in one line, for streams of it.</summary>
    public void JsonLine<T>(T value, JsonTypeInfo<T> type)
    {
        using var document = JsonSerializer.SerializeToDocument(value, type);
        using var line = new MemoryStream();
        using (var writer = new Utf8JsonWriter(line))
        {
            document.WriteTo(writer);
        }

        Line(Encoding.UTF8.GetString(line.ToArray()));
    }

    public void Print(IRenderable what)
    {
        var text = new StringWriter();
        Write(what, text);
        foreach (string line in text.ToString().TrimEnd('\n').Split('\n'))
        {
            Line(line.TrimEnd());
        }
    }

    /// <summary>Puts lines where the ones before them were; what does not fit is cut off.</summary>
    public void Redraw(IEnumerable<string> lines)
    {
        (int width, int height) = around.Size;
        var frame = new StringBuilder("\x1b[H");
        string[] all = [.. lines];
        foreach (string line in all.Take(height - 2))
        {
            frame.Append(line.Length <= width ? line : line[..(width - 1)] + "…").Append("\x1b[K\n");
        }

        frame.Append(all.Length > height - 2 ? $"… and {all.Length - height + 2} more lines: see 'status'\x1b[K\n" : "").Append("\x1b[J");
        around.Out.Write(frame);
        around.Out.Flush();
    }

    public void Clear() => around.Out.Write("\x1b[2J\x1b[H");

    public static IEnumerable<string> Plain(string text) =>
        text.TrimEnd('\n').Split('\n').Select(line => PlainText.OneLine(line, longest: 1_000).TrimEnd());

    private void Write(IRenderable what, TextWriter to)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = around.IsRich ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = around.IsRich ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(to),
        });
        console.Profile.Width = NoLimit;
        console.Profile.Capabilities.Unicode = true;
        console.Write(what);
    }
}
