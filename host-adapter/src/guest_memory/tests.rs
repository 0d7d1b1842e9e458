//! Tests of `guest_memory`.

use super::*;

fn bounds(process: &Arc<Budget>) -> Bounds {
    Bounds {
        instance_bytes_max: 40,
        component: Budget::new(60),
        process: process.clone(),
    }
}

#[test]
fn an_instance_a_component_and_a_process_have_their_bounds() {
    let process = Budget::new(100);
    let (one, other) = (bounds(&process), bounds(&process));
    let mut first = Memory::new(one.clone());
    assert!(first.memory_growing(0, 30, None).unwrap());
    assert!(first.memory_growing(0, 10, None).unwrap(), "another memory");
    assert!(!first.memory_growing(10, 11, None).unwrap());
    assert_eq!(first.refused(), Some(Refused::Instance));
    let mut second = Memory::new(one.clone());
    assert!(!second.memory_growing(0, 21, None).unwrap());
    assert_eq!(second.refused(), Some(Refused::Component));
    let mut third = Memory::new(other.clone());
    let mut fourth = Memory::new(other);
    assert!(third.memory_growing(0, 40, None).unwrap());
    assert!(fourth.memory_growing(0, 20, None).unwrap());
    assert!(!second.memory_growing(0, 20, None).unwrap());
    assert_eq!(second.refused(), Some(Refused::Process));
    assert!(one.is_short() && !one.has_room(1));
    drop(first);
    assert!(bounds(&process).has_room(1_000), "the first of a component");
    assert!(second.memory_growing(0, 20, None).unwrap());
    assert_eq!(second.refused(), None);
    drop((second, third, fourth));
    assert_eq!(
        (
            process.bytes.load(Relaxed),
            one.component.bytes.load(Relaxed)
        ),
        (0, 0)
    );
}
