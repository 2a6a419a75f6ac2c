using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SagaRecovery.Analyzers.CodeFixes;

/// <summary>SAGA002: replaces a new id with the idempotency key of the node.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(UseIdempotencyKeyFix))]
[Shared]
public sealed class UseIdempotencyKeyFix : CodeFixProvider
{
    private const string Title = "Use the idempotency key of the context";

    /// <inheritdoc />
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [Rules.UnstableValueId];

    /// <summary>None: two new ids of one node would become the same key.</summary>
    public override FixAllProvider? GetFixAllProvider() => null;

    /// <inheritdoc />
    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        SyntaxNode? root = await context.Document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false);
        Diagnostic diagnostic = context.Diagnostics[0];
        if (diagnostic.Properties.ContainsKey(UnstableValueAnalyzer.ContextName)
            && root?.FindNode(diagnostic.Location.SourceSpan, getInnermostNodeForTie: true) is ExpressionSyntax value
            && ContextReference.Of(diagnostic, root) is { } node)
        {
            context.RegisterCodeFix(
                CodeAction.Create(
                    Title,
                    _ => Task.FromResult(context.Document.WithSyntaxRoot(
                        node.Replace(root, value, node.Member(KnownTypes.KeyProperty).WithTriviaFrom(value)))),
                    nameof(UseIdempotencyKeyFix)),
                diagnostic);
        }
    }
}
