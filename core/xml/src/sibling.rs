//! Signed KMS documents (TS 33.180 Annex D): a root with the signed element and, beside it, one signature.

use crate::canonical::{CanonicalForm, canonicalise, canonicalise_without};
use crate::markup::{self, Limits, MarkupError, elements};
use crate::names::{DS, ENVELOPED};
use crate::signed_info::{
    Reference, SignatureStyle, hmac_sha256, key_name, signed_info, value_and_key_name, verify,
};
use crate::writer::Writer;
use roger_base::Secret;
use roxmltree::Node;
use zeroize::Zeroizing;

pub use crate::signed_info::IntegrityError;

/// The Id of the signed element, written in every example of TS 33.180 D.3.4.
pub const ELEMENT_ID: &str = "xmldoc";

const STYLE: SignatureStyle = SignatureStyle {
    prefix: "ds:",
    output_length: Some("256"),
};

/// Names of a signed document: root and signed element, both in one namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Namespace of both.
    pub namespace: &'static str,
    /// Local name of the root.
    pub root: &'static str,
    /// Local name of the element that is signed.
    pub element: &'static str,
}

/// How the peer signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// One reference to the sibling element, no transform but Canonical XML 1.0.
    #[default]
    Sibling,
    /// A product of the first release: enveloped signature over the root. By configuration of the peer only.
    Enveloped,
}

/// A document whose signature is right.
pub struct Verified {
    /// Canonical octets that the signature covers: the signed element, or with [`Layout::Enveloped`] the root
    /// without its signature. Only this may be read.
    pub xml: Zeroizing<Vec<u8>>,
    /// `ds:KeyName`.
    pub key_name: String,
}

/// Signs an element. `declarations` are the attributes of the root, the namespaces among them; `ds` has to be
/// declared there, and `element` has to carry `Id="xmldoc"`.
///
/// # Errors
/// [`IntegrityError::PeerMarkup`] when the parts do not make a well-formed document.
pub fn sign(
    shape: &Shape,
    declarations: &[(&str, &str)],
    element: &str,
    key_name: &str,
    key: &Secret<32>,
) -> Result<String, IntegrityError> {
    let mut writer = Writer::new();
    writer.start(shape.root);
    for (name, value) in declarations {
        writer.attribute(name, value);
    }
    writer.raw(element);
    let head = writer.finish();
    let end = format!("</{}>", shape.root);
    let octets = canonicalise(&format!("{head}{end}"), &[0], CanonicalForm::Inclusive)?;
    let info = signed_info(&STYLE, &format!("#{ELEMENT_ID}"), &octets);
    let unsigned = format!("{head}<ds:Signature>{info}</ds:Signature>{end}");
    let canonical = canonicalise(&unsigned, &[1, 0], CanonicalForm::Inclusive)?;
    let value = hmac_sha256(key.expose(), &canonical);
    let rest = value_and_key_name(&STYLE, &value, key_name);
    Ok(format!(
        "{head}<ds:Signature>{info}{rest}</ds:Signature>{end}"
    ))
}

/// Verifies a signed document. `key` finds the key bound to this peer by its name.
///
/// # Errors
/// [`IntegrityError`] for everything outside the profile, an unknown key name, or an altered document.
pub fn verify_document(
    octets: &[u8],
    shape: &Shape,
    layout: Layout,
    limits: &Limits,
    key: &dyn Fn(&str) -> Option<Secret<32>>,
) -> Result<Verified, IntegrityError> {
    let text = markup::check(octets, limits)?;
    let document = markup::parse_text(text, limits)?;
    let root = document.root_element();
    if !root.has_tag_name((shape.namespace, shape.root)) {
        return Err(MarkupError::PeerStructure(shape.root).into());
    }
    let (element, signature) = children(root, shape)?;
    let name = key_name(signature)?.ok_or(IntegrityError::DeniedKey)?;
    let secret = key(&name).ok_or(IntegrityError::DeniedKey)?;
    let references = verify(text, signature, &[1], secret.expose())?;
    let [reference] = references.as_slice() else {
        return Err(IntegrityError::PeerReference("more than one".to_owned()));
    };
    let xml = match layout {
        Layout::Sibling => check_sibling(text, root, element, reference)?,
        Layout::Enveloped => check_enveloped(text, root, reference)?,
    };
    Ok(Verified {
        xml,
        key_name: name,
    })
}

/// The root has exactly the signed element and then the signature.
fn children<'a, 'i>(
    root: Node<'a, 'i>,
    shape: &Shape,
) -> Result<(Node<'a, 'i>, Node<'a, 'i>), IntegrityError> {
    let mut found = elements(root);
    let element = found
        .next()
        .filter(|node| node.has_tag_name((shape.namespace, shape.element)));
    let element = element.ok_or(MarkupError::PeerStructure(shape.element))?;
    let signature = found.next().ok_or(IntegrityError::PeerNotSigned)?;
    if !signature.has_tag_name((DS, "Signature")) || found.next().is_some() {
        return Err(IntegrityError::PeerForbidden(
            "an element beside the signature".to_owned(),
        ));
    }
    Ok((element, signature))
}

fn check_sibling(
    text: &str,
    root: Node<'_, '_>,
    element: Node<'_, '_>,
    reference: &Reference,
) -> Result<Zeroizing<Vec<u8>>, IntegrityError> {
    check_target(root, element, reference)?;
    let other = reference
        .transforms
        .iter()
        .find(|uri| *uri != CanonicalForm::Inclusive.uri());
    if let Some(uri) = other {
        return Err(IntegrityError::PeerAlgorithm(uri.clone()));
    }
    let octets = Zeroizing::new(canonicalise(text, &[0], CanonicalForm::Inclusive)?);
    reference.check(&octets)?;
    Ok(octets)
}

fn check_enveloped(
    text: &str,
    root: Node<'_, '_>,
    reference: &Reference,
) -> Result<Zeroizing<Vec<u8>>, IntegrityError> {
    check_target(root, root, reference)?;
    let form = match reference
        .transforms
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [ENVELOPED] => CanonicalForm::Inclusive,
        [ENVELOPED, uri] => CanonicalForm::from_uri(uri)
            .ok_or_else(|| IntegrityError::PeerAlgorithm((*uri).to_owned()))?,
        _ => return Err(IntegrityError::PeerAlgorithm("transforms".to_owned())),
    };
    let octets = Zeroizing::new(canonicalise_without(text, &[], &[1], form)?);
    reference.check(&octets)?;
    Ok(octets)
}

/// The reference names the one element that we are going to use, and no other element has that Id.
fn check_target(
    root: Node<'_, '_>,
    target: Node<'_, '_>,
    reference: &Reference,
) -> Result<(), IntegrityError> {
    let wrong = || IntegrityError::PeerReference(reference.uri.clone());
    let id = reference.uri.strip_prefix('#').ok_or_else(wrong)?;
    if id.is_empty() || target.attribute("Id") != Some(id) {
        return Err(wrong());
    }
    let mut same = root
        .descendants()
        .filter(|node| node.attribute("Id") == Some(id));
    if same.nth(1).is_some() {
        return Err(IntegrityError::PeerDuplicateId);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        namespace: "urn:k",
        root: "SignedDoc",
        element: "Doc",
    };
    const KEY: Secret<32> = Secret::new([9; 32]);

    fn signed() -> String {
        let declarations = [("xmlns", "urn:k"), ("xmlns:ds", DS)];
        sign(
            &SHAPE,
            &declarations,
            r#"<Doc Id="xmldoc"><A>x &amp; y</A></Doc>"#,
            "k1",
            &KEY,
        )
        .unwrap()
    }

    fn verified(text: &str) -> Result<Verified, IntegrityError> {
        let find = |name: &str| (name == "k1").then_some(KEY);
        verify_document(
            text.as_bytes(),
            &SHAPE,
            Layout::Sibling,
            &Limits::MESSAGE,
            &find,
        )
    }

    fn refused(text: &str) -> IntegrityError {
        verified(text).err().unwrap()
    }

    #[test]
    fn what_is_signed_comes_back() {
        let document = verified(&signed()).unwrap();
        assert_eq!(document.key_name, "k1");
        let text = String::from_utf8(document.xml.to_vec()).unwrap();
        assert_eq!(
            text,
            format!(r#"<Doc xmlns="urn:k" xmlns:ds="{DS}" Id="xmldoc"><A>x &amp; y</A></Doc>"#)
        );
    }

    #[test]
    fn every_altered_octet_is_refused() {
        let good = signed();
        for place in 0..good.len() {
            let mut octets = good.clone().into_bytes();
            octets[place] ^= 1;
            let find = |name: &str| (name == "k1").then_some(KEY);
            let result = verify_document(&octets, &SHAPE, Layout::Sibling, &Limits::MESSAGE, &find);
            assert!(result.is_err(), "octet {place} of {good}");
        }
    }

    #[test]
    fn wrapping_attacks_are_refused() {
        let good = signed();
        let evil = r#"<Doc Id="xmldoc"><A>evil</A></Doc>"#;
        let before = good.replace("<Doc ", &format!("{evil}<Doc "));
        assert!(matches!(refused(&before), IntegrityError::PeerForbidden(_)));
        let nested = good.replace("<ds:KeyName>", r#"<ds:KeyName Id="xmldoc">"#);
        assert_eq!(refused(&nested), IntegrityError::PeerDuplicateId);
        let object = good.replace(
            "</ds:Signature>",
            &format!("<ds:Object>{evil}</ds:Object></ds:Signature>"),
        );
        assert!(matches!(refused(&object), IntegrityError::PeerForbidden(_)));
        let elsewhere = good.replacen("<Doc Id=\"xmldoc\">", "<Doc Id=\"other\">", 1);
        assert!(matches!(
            refused(&elsewhere),
            IntegrityError::PeerReference(_)
        ));
    }

    #[test]
    fn other_algorithms_and_layouts_are_refused() {
        let good = signed();
        let c11 = good.replace("REC-xml-c14n-20010315", "REC-xml-c14n11");
        assert!(matches!(refused(&c11), IntegrityError::PeerAlgorithm(_)));
        let sha1 = good.replace("xmldsig-more#hmac-sha256", "xmldsig#hmac-sha1");
        assert!(matches!(refused(&sha1), IntegrityError::PeerAlgorithm(_)));
        let short = good.replace(">256<", ">80<");
        assert!(matches!(refused(&short), IntegrityError::PeerAlgorithm(_)));
        let comment = good.replace("<ds:SignedInfo>", "<ds:SignedInfo><!-- c -->");
        assert!(matches!(
            refused(&comment),
            IntegrityError::PeerForbidden(_)
        ));
        let unsigned = r#"<SignedDoc xmlns="urn:k"><Doc Id="xmldoc"/></SignedDoc>"#;
        assert_eq!(refused(unsigned), IntegrityError::PeerNotSigned);
        assert_eq!(
            refused(&good.replace(">k1<", ">k2<")),
            IntegrityError::DeniedKey
        );
        assert!(matches!(refused("<a/>"), IntegrityError::PeerMarkup(_)));
    }

    /// Signs as the product of the first release does, so that the tolerant reader has something to read.
    fn enveloped(transforms: &str) -> String {
        let root =
            format!(r#"<SignedDoc xmlns="urn:k" xmlns:ds="{DS}" Id="r1"><Doc><A>x</A></Doc>"#);
        let octets = canonicalise(
            &format!("{root}</SignedDoc>"),
            &[],
            CanonicalForm::Inclusive,
        )
        .unwrap();
        let style = SignatureStyle {
            prefix: "ds:",
            output_length: None,
        };
        let info = signed_info(&style, "#r1", &octets)
            .replace("20010315\"", "20010315#WithComments\"")
            .replace(
                "<ds:DigestMethod",
                &format!("<ds:Transforms>{transforms}</ds:Transforms><ds:DigestMethod"),
            );
        let unsigned = format!("{root}<ds:Signature>{info}</ds:Signature></SignedDoc>");
        let canonical =
            canonicalise(&unsigned, &[1, 0], CanonicalForm::InclusiveWithComments).unwrap();
        let rest = value_and_key_name(&style, &hmac_sha256(KEY.expose(), &canonical), "k1");
        format!("{root}<ds:Signature>{info}{rest}</ds:Signature></SignedDoc>")
    }

    #[test]
    fn an_enveloped_signature_is_taken_only_from_a_peer_configured_so() {
        let text = enveloped(&format!(r#"<ds:Transform Algorithm="{ENVELOPED}"/>"#));
        let find = |name: &str| (name == "k1").then_some(KEY);
        let read =
            |layout| verify_document(text.as_bytes(), &SHAPE, layout, &Limits::MESSAGE, &find);
        let verified = read(Layout::Enveloped).unwrap();
        assert!(
            String::from_utf8_lossy(&verified.xml).ends_with("<Doc><A>x</A></Doc></SignedDoc>")
        );
        assert!(read(Layout::Sibling).is_err());
        let plain = verify_document(
            signed().as_bytes(),
            &SHAPE,
            Layout::Enveloped,
            &Limits::MESSAGE,
            &find,
        );
        assert!(plain.is_err());
    }

    #[test]
    fn an_enveloped_signature_has_no_other_transform() {
        let find = |name: &str| (name == "k1").then_some(KEY);
        let xpath = "http://www.w3.org/TR/1999/REC-xpath-19991116";
        for transforms in [
            String::new(),
            format!(r#"<ds:Transform Algorithm="{xpath}"/>"#),
            format!(
                r#"<ds:Transform Algorithm="{ENVELOPED}"/><ds:Transform Algorithm="{xpath}"/>"#
            ),
        ] {
            let text = enveloped(&transforms);
            let result = verify_document(
                text.as_bytes(),
                &SHAPE,
                Layout::Enveloped,
                &Limits::MESSAGE,
                &find,
            );
            assert!(matches!(
                result.err(),
                Some(IntegrityError::PeerAlgorithm(_))
            ));
        }
    }
}
