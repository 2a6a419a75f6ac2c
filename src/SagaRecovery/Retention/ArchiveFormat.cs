using System.Buffers;
using System.Text.Json;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Retention;

/// <summary>The format of an archived saga: one line of JSON, version 1. Pure.</summary>
/// <remarks>
/// DAG, parameters and data are embedded as they are stored, byte for byte, since definitions are identified by their hash. One that contains a line
/// break, or that begins or ends with white space, which a reader of JSON drops, is written as a string instead, under the name of the property with
/// <c>Text</c> at its end.
/// </remarks>
internal static class ArchiveFormat
{
    public const int Version = 1;

    private static readonly JsonDocumentOptions s_reading = new() { MaxDepth = 10_000 };

    /// <summary>Appends a saga as a line, with its line feed.</summary>
    public static void Write(ArrayBufferWriter<byte> buffer, ArchivedSaga saga)
    {
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("format", Version);
            WriteRow(json, saga);
            WriteDefinition(json, saga.Definition);
            WriteJson(json, "parameters", saga.Parameters);
            WriteEvents(json, saga.Events);
            json.WriteStartObject("tags");
            foreach ((string name, string value) in saga.Tags)
            {
                json.WriteString(name, value);
            }

            json.WriteEndObject();
            WriteActions(json, saga.Actions);
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
    }

    /// <summary>Parses a line.</summary>
    /// <exception cref="FormatException">The line is incomplete, is not an archived saga, or has another version of the format.</exception>
    public static ArchivedSaga Read(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line, s_reading);
            return Read(document.RootElement);
        }
        catch (JsonException exception)
        {
            throw new FormatException("The line is not complete JSON. A crash may have cut it off.", exception);
        }
        catch (KeyNotFoundException exception)
        {
            throw new FormatException($"The line is not an archived saga: {exception.Message}", exception);
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException)
        {
            throw new FormatException("The line is not an archived saga: one of its values has the wrong type.", exception);
        }
    }

    private static ArchivedSaga Read(JsonElement line)
    {
        if (Required(line, "format").GetInt32() is not Version and var format)
        {
            throw new FormatException($"The line has version {format} of the format; this version of the tool reads version {Version}.");
        }

        JsonElement definition = Required(line, "definition");
        return new ArchivedSaga
        {
            Id = new SagaId(Required(line, "id").GetGuid()),
            State = SagaNames.TryParse(TextOf(line, "state") ?? "", out SagaState state) ? state : throw new FormatException("The line has an unknown state."),
            Definition = new SavedDefinition(
                DefinitionHash.FromBytes(Convert.FromHexString(TextOf(definition, "hash")!)),
                TextOf(definition, "name")!,
                Required(definition, "version").GetInt32(),
                JsonOf(definition, "dag")),
            Parameters = JsonOf(line, "parameters"),
            Creator = new CoordinatorId(Required(line, "creator").GetGuid()),
            Owner = CoordinatorOf(line, "owner"),
            Generation = new AdoptGeneration(Required(line, "generation").GetInt64()),
            TimeCreated = Required(line, "timeCreated").GetDateTimeOffset(),
            TimeAdopted = Required(line, "timeAdopted").GetDateTimeOffset(),
            TimeEnded = Required(line, "timeEnded").GetDateTimeOffset(),
            Deadline = line.TryGetProperty("deadline", out JsonElement deadline) ? deadline.GetDateTimeOffset() : null,
            Cancellation = line.TryGetProperty("cancellation", out JsonElement cancellation)
                ? new SagaCancellation(Required(cancellation, "time").GetDateTimeOffset(), NoteOf(cancellation))
                : null,
            Abandonment = line.TryGetProperty("abandonment", out JsonElement abandonment)
                ? new AbandonmentDetails(Required(abandonment, "time").GetDateTimeOffset(), TextOf(abandonment, "reason")!, TextOf(abandonment, "comment")!)
                : null,
            FailedNode = TextOf(line, "failedNode"),
            ErrorCode = TextOf(line, "errorCode"),
            Events = [.. Required(line, "events").EnumerateArray().Select(ReadEvent)],
            Tags = Required(line, "tags").EnumerateObject().ToDictionary(tag => tag.Name, tag => tag.Value.GetString()!, StringComparer.Ordinal),
            Actions = [.. Required(line, "actions").EnumerateArray().Select(action => ReadAction(new SagaId(Required(line, "id").GetGuid()), action)).OfType<OperatorAction>()],
        };
    }

    private static ArchivedEvent ReadEvent(JsonElement one) => new(
        Required(one, "node").GetInt32(),
        TypeOf(TextOf(one, "type")),
        JsonOf(one, "data"),
        Required(one, "time").GetDateTimeOffset(),
        new CoordinatorId(Required(one, "creator").GetGuid()));

    /// <returns>The action; null if a later version wrote it.</returns>
    private static OperatorAction? ReadAction(SagaId saga, JsonElement one) => SagaNames.TryParse(TextOf(one, "action") ?? "", out OperatorActionKind kind)
        ? new OperatorAction(Required(one, "number").GetInt64(), Required(one, "time").GetDateTimeOffset(), kind, saga, NoteOf(one))
        {
            Coordinator = CoordinatorOf(one, "coordinator"),
        }
        : null;

    private static void WriteRow(Utf8JsonWriter json, ArchivedSaga saga)
    {
        json.WriteString("id", saga.Id.Value);
        json.WriteString("name", saga.Definition.Name);
        json.WriteString("state", SagaNames.Of(saga.State));
        json.WriteString("timeCreated", saga.TimeCreated.UtcDateTime);
        json.WriteString("timeAdopted", saga.TimeAdopted.UtcDateTime);
        json.WriteString("timeEnded", saga.TimeEnded.UtcDateTime);
        json.WriteString("creator", saga.Creator.Value);
        WriteIfSet(json, "owner", saga.Owner);
        json.WriteNumber("generation", saga.Generation.Value);
        if (saga.Deadline is { } deadline)
        {
            json.WriteString("deadline", deadline.UtcDateTime);
        }

        if (saga.Cancellation is { } cancellation)
        {
            json.WriteStartObject("cancellation");
            json.WriteString("time", cancellation.At.UtcDateTime);
            WriteNote(json, cancellation.Note);
            json.WriteEndObject();
        }

        if (saga.Abandonment is { } abandonment)
        {
            json.WriteStartObject("abandonment");
            json.WriteString("time", abandonment.Time.UtcDateTime);
            json.WriteString("reason", abandonment.Reason);
            json.WriteString("comment", abandonment.Comment);
            json.WriteEndObject();
        }

        WriteIfSet(json, "failedNode", saga.FailedNode);
        WriteIfSet(json, "errorCode", saga.ErrorCode);
    }

    private static void WriteDefinition(Utf8JsonWriter json, SavedDefinition definition)
    {
        json.WriteStartObject("definition");
        json.WriteString("hash", definition.Hash.ToString());
        json.WriteString("name", definition.Name);
        json.WriteNumber("version", definition.Version);
        WriteJson(json, "dag", definition.Dag);
        json.WriteEndObject();
    }

    private static void WriteEvents(Utf8JsonWriter json, IReadOnlyList<ArchivedEvent> events)
    {
        json.WriteStartArray("events");
        foreach (ArchivedEvent one in events)
        {
            json.WriteStartObject();
            json.WriteNumber("node", one.NodeId);
            json.WriteString("type", SagaNames.Of(one.Type));
            json.WriteString("time", one.Time.UtcDateTime);
            json.WriteString("creator", one.Creator.Value);
            WriteJson(json, "data", one.Data);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteActions(Utf8JsonWriter json, IReadOnlyList<OperatorAction> actions)
    {
        json.WriteStartArray("actions");
        foreach (OperatorAction action in actions)
        {
            json.WriteStartObject();
            json.WriteNumber("number", action.Number);
            json.WriteString("time", action.Time.UtcDateTime);
            json.WriteString("action", SagaNames.Of(action.Kind));
            WriteNote(json, action.Note);
            WriteIfSet(json, "coordinator", action.Coordinator);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteNote(Utf8JsonWriter json, OperatorNote note)
    {
        json.WriteString("actor", note.Actor);
        json.WriteString("reason", note.Reason);
    }

    private static void WriteIfSet(Utf8JsonWriter json, string name, CoordinatorId? id)
    {
        if (id is { } set)
        {
            json.WriteString(name, set.Value);
        }
    }

    private static void WriteIfSet(Utf8JsonWriter json, string name, string? text)
    {
        if (text is not null)
        {
            json.WriteString(name, text);
        }
    }

    private static void WriteJson(Utf8JsonWriter json, string name, ReadOnlyMemory<byte> value)
    {
        if (value.IsEmpty)
        {
            return;
        }

        if (value.Span.IndexOfAny((byte)'\n', (byte)'\r') >= 0 || IsBlank(value.Span[0]) || IsBlank(value.Span[^1]))
        {
            json.WriteString(name + "Text", value.Span);
            return;
        }

        json.WritePropertyName(name);
        json.WriteRawValue(value.Span, skipInputValidation: true); // the database has validated it
    }

    private static bool IsBlank(byte character) => character is (byte)' ' or (byte)'\t';

    private static JsonElement Required(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement value) ? value : throw new KeyNotFoundException($"it has no '{name}'.");

    private static NodeEventType TypeOf(string? name) =>
        Enum.GetValues<NodeEventType>().Cast<NodeEventType?>().FirstOrDefault(type => SagaNames.Of(type!.Value) == name)
            ?? throw new KeyNotFoundException("it has an event of an unknown type.");

    private static ReadOnlyMemory<byte> JsonOf(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement embedded) ? System.Text.Encoding.UTF8.GetBytes(embedded.GetRawText())
        : TextOf(parent, name + "Text") is { } text ? System.Text.Encoding.UTF8.GetBytes(text)
        : default(ReadOnlyMemory<byte>);

    private static string? TextOf(JsonElement parent, string name) => parent.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    private static CoordinatorId? CoordinatorOf(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement value) ? new CoordinatorId(value.GetGuid()) : null;

    private static OperatorNote NoteOf(JsonElement parent) => new(TextOf(parent, "actor") ?? "", TextOf(parent, "reason") ?? "");
}
